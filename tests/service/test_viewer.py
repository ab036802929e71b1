"""The page in a real browser, against a real service."""

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from safetensors.numpy import save

from models.repository import PACKAGED_ROOT
from service.audit import AuditWord
from tests.models.audits import audited
from tests.service.classifiers import add_classifier
from tests.service.conftest import ADMIN_TOKEN, READ_TOKEN

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_TOKENS = {"read_token": READ_TOKEN, "admin_token": ADMIN_TOKEN}
#: What Chromium logs for any refused request; everything else on the console is a mistake.
_NETWORK = ("Failed to load resource:", "WebSocket connection to")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page, every address it asked for, and every complaint on its console."""

    page: object
    urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture
def visit(browser) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    visit = Visit(context.new_page())
    visit.page.on("request", lambda request: visit.urls.append(request.url))
    visit.page.on("websocket", lambda socket: visit.urls.append(socket.url))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on(
        "console",
        lambda message: (
            visit.complaints.append(message.text)
            if message.type in ("error", "warning") and not message.text.startswith(_NETWORK)
            else None
        ),
    )
    yield visit
    context.close()
    assert not visit.complaints
    for url in visit.urls:
        for token in (READ_TOKEN, ADMIN_TOKEN):
            assert token not in url
            assert base64.urlsafe_b64encode(token.encode()).decode().rstrip("=") not in url


def pixels(page, selector: str) -> str:
    return page.eval_on_selector(selector, "canvas => canvas.toDataURL()")


def wait_for_other_pixels(page, selector: str, before: str) -> None:
    # An element handle's waits evaluate in the page, which its policy forbids; ask again instead.
    for _ in range(600):
        if pixels(page, selector) != before:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{selector} never changed")


def figure(page, name: str):
    return (
        page.locator("#figures > div")
        .filter(has=page.locator(f"dt:text-is({json.dumps(name)})"))
        .locator("dd")
    )


def test_a_camera_its_windows_and_the_model(visit, running_service):
    page = visit.page
    with running_service() as service:
        page.goto(service.url)
        expect(page.locator("#cards .card-name")).to_have_text("hall")
        expect(page.locator("#cards .badge")).to_have_text("streaming")
        expect(page.locator("#stage-state")).to_have_text("streaming")
        expect(page.locator("#service-state")).to_have_text("ready")
        expect(page.locator("#picture-empty")).to_be_hidden()
        size = page.eval_on_selector("#picture", "canvas => [canvas.width, canvas.height]")
        assert size == [32, 24]
        for canvas in ("#picture", "#cards canvas"):
            wait_for_other_pixels(page, canvas, pixels(page, canvas))
        assert float(figure(page, "Windows/s").inner_text()) > 0
        expect(figure(page, "Drops")).to_have_text("none")
        expect(figure(page, "Sensor")).to_have_text("32 × 24")
        expect(figure(page, "Subscribers")).to_have_text("1")
        expect(figure(page, "Latency")).to_contain_text("ms")
        assert int(figure(page, "Segment / seq").inner_text().split("/")[1].replace(",", "")) > 0

        manifest = httpx.get(f"{service.url}/v1/model").json()["manifest"]
        model = page.locator("#model")
        expect(model).to_contain_text(f"{manifest['name']} {manifest['version']}")
        expect(model).to_contain_text(manifest["profile"])
        expect(model).to_contain_text(manifest["sha256"][:12])
        expect(model).to_contain_text("100 ms")
        expect(model).to_contain_text("CPUExecutionProvider")
        expect(page.locator("#audit")).to_contain_text("Not audited")
        expect(page.locator("#recognized")).to_be_hidden()
    host = urlsplit(service.url).netloc
    assert {urlsplit(url).netloc for url in visit.urls} == {host}


def test_one_time_bin_is_drawn_on_its_own(visit, running_service):
    page = visit.page
    with running_service() as service:
        page.goto(service.url)
        expect(page.locator("#bin option")).to_have_count(6)
        legend = page.locator("#legend-high")
        expect(legend).to_contain_text("+")
        together = float(legend.inner_text().split("+")[1])
        page.select_option("#bin", "4")
        before = pixels(page, "#picture")
        wait_for_other_pixels(page, "#picture", before)
        # Noise of one bin is about the square root of five weaker than that of five summed.
        for _ in range(600):
            if float(legend.inner_text().split("+")[1]) < 0.7 * together:
                return
            page.wait_for_timeout(50)
        raise AssertionError("one bin is as strong as all of them")


def test_what_a_recognizer_sees_stands_beside_the_picture(visit, running_service, repository):
    add_classifier(repository)
    page = visit.page
    with running_service({"recognizers": ["gesture"]}) as service:
        page.goto(service.url)
        expect(page.locator("#recognized-label")).to_have_text("wave")
        expect(page.locator("#recognized-task")).to_have_text("gesture")
        expect(page.locator("#recognized-probability")).to_have_text("84 %")
        expect(page.locator("#cards .card-label")).to_have_text("wave")
        expect(figure(page, "Subscribers")).to_have_text("1")
        page.click("#pause")
        expect(page.locator("#recognized")).to_contain_class("past")
        expect(page.locator("#cards .card-label")).to_be_empty()


def test_a_label_goes_and_its_place_stays_when_too_little_happens(
    visit, running_service, repository
):
    def quiet(route):
        answer = route.fetch()
        body = answer.json()
        for status in body["cameras"]:
            status["recognized"] = None
        route.fulfill(response=answer, json=body)

    add_classifier(repository)
    page = visit.page
    with running_service({"recognizers": ["gesture"]}) as service:
        page.goto(service.url)
        expect(page.locator("#recognized-label")).to_have_text("wave")
        page.route("**/v1/cameras", quiet)
        expect(page.locator("#recognized-label")).to_have_text("–")
        expect(page.locator("#recognized-task")).to_have_text("gesture")
        expect(page.locator("#recognized-probability")).to_be_empty()
        expect(page.locator("#cards .card-label")).to_be_empty()
        page.unroute("**/v1/cameras")
        expect(page.locator("#recognized-label")).to_have_text("wave")


def test_a_recognizer_that_is_missing_is_said(visit, running_service):
    page = visit.page
    with running_service({"recognizers": ["posture"]}) as service:
        page.goto(service.url)
        expect(page.locator("#recognized")).to_contain_text("no label: no classifier for the model")
        expect(page.locator("#cards .card-label")).to_be_empty()
        expect(page.locator("#picture-empty")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_zero_is_the_pages_own_colour(visit, running_service, scheme):
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    with running_service() as service:
        page.goto(service.url)
        # Drawn with the browser's next frame: until then the canvas is transparent.
        page.wait_for_function(
            """() => {
                const copy = document.createElement("canvas").getContext("2d");
                copy.drawImage(document.querySelector("#picture"), 0, 0);
                return copy.getImageData(0, 0, 1, 1).data[3] === 255;
            }"""
        )
        mean = page.eval_on_selector(
            "#picture",
            """canvas => {
                const { width, height } = canvas;
                const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
                return data.reduce((sum, value) => sum + value, 0) / data.length;
            }""",
        )
        body = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (mean < 128) == (scheme == "dark")
    assert (int(body.split("(")[1].split(",")[0]) < 128) == (scheme == "dark")


def test_a_phone_shows_everything_without_scrolling_sideways(visit, running_service):
    page = visit.page
    page.set_viewport_size({"width": 360, "height": 740})
    with running_service() as service:
        page.goto(service.url)
        expect(page.locator("#picture-empty")).to_be_hidden()
        expect(page.locator("#audit")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_cameras_are_added_paused_and_removed_with_the_keyboard(visit, running_service):
    page = visit.page
    with running_service() as service:
        page.goto(service.url)
        expect(page.locator("#stage-name")).to_have_text("hall")
        page.locator("#add-panel summary").press("Enter")
        page.locator("#add-id").fill("hall")
        page.locator("#add-url").fill("dv://127.0.0.1:1")
        page.locator("#add-url").press("Enter")
        expect(page.locator("#add-problem")).to_contain_text("hall")
        page.locator("#add-url").fill("nonsense")
        page.locator("#add-url").press("Enter")
        expect(page.locator("#add-problem")).to_contain_text("nonsense")
        page.locator("#add-id").fill("yard")
        page.locator("#add-url").fill("dv://127.0.0.1:1")
        page.locator("#add-width").fill("64")
        page.locator("#add-height").fill("48")
        page.locator("#add-url").press("Enter")
        expect(page.locator("#stage-name")).to_have_text("yard")
        expect(page.locator("#stage-reason")).to_contain_text("127.0.0.1")
        expect(page.locator("#add-problem")).to_be_empty()
        expect(page.locator("#picture-empty")).to_be_visible()

        page.locator("#pause").press("Enter")
        expect(page.locator("#stage-state")).to_have_text("paused")
        page.locator("#pause").press("Enter")
        expect(page.locator("#stage-state")).not_to_have_text("paused")

        page.locator("#remove").press("Enter")
        page.locator("#keep").press("Enter")
        expect(page.locator("#cards li")).to_have_count(2)
        page.locator("#remove").press("Enter")
        page.locator("#remove").press("Enter")
        expect(page.locator("#cards li")).to_have_count(1)
        expect(page.locator("#stage-name")).to_have_text("hall")
        page.locator("#cards .card").press("Enter")
        expect(page.locator("#cards .card")).to_have_attribute("aria-current", "true")


def test_no_cameras_tells_how_to_add_one(visit, running_service):
    page = visit.page
    with running_service({"cameras": []}) as service:
        page.goto(service.url)
        expect(page.locator("#no-cameras")).to_be_visible()
        expect(page.locator("#add-form")).to_be_visible()
        expect(page.locator("#stage")).to_be_hidden()


def test_with_tokens_the_page_asks_and_no_address_holds_one(visit, running_service):
    page = visit.page
    with running_service(_TOKENS) as service:
        page.goto(service.url)
        expect(page.locator("#token")).to_be_focused()
        expect(page.locator("#viewer-page")).to_be_hidden()
        page.locator("#token").fill("wrong-" + "w" * 20)
        page.locator("#token").press("Enter")
        expect(page.locator("#token-problem")).to_contain_text("does not know this token")

        page.locator("#token").fill(READ_TOKEN)
        page.locator("#token").press("Enter")
        expect(page.locator("#picture-empty")).to_be_hidden()
        expect(page.locator("#audit")).to_contain_text("Not audited")
        wait_for_other_pixels(page, "#picture", pixels(page, "#picture"))
        page.click("#pause")
        expect(page.locator("#stage-problem")).to_contain_text("read")

        page.reload()
        expect(page.locator("#picture-empty")).to_be_hidden()
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]

        page.click("#change-token")
        expect(page.locator("#cards li")).to_have_count(0)
        page.locator("#token").fill(ADMIN_TOKEN)
        page.locator("#token").press("Enter")
        page.click("#pause")
        expect(page.locator("#stage-state")).to_have_text("paused")
        assert page.url == f"{service.url}/"
    assert any(url.startswith("ws:") for url in visit.urls)


def test_a_service_that_goes_away_is_said_and_found_again(visit, running_service):
    page = visit.page
    with running_service() as service:
        page.goto(service.url)
        expect(page.locator("#picture-empty")).to_be_hidden()
    expect(page.locator("#service-state")).to_have_text("gone")
    expect(page.locator("#notice")).to_contain_text("does not answer")
    before = pixels(page, "#picture")
    with running_service({"listen": urlsplit(service.url).netloc}):
        expect(page.locator("#service-state")).to_have_text("ready")
        expect(page.locator("#notice")).to_be_hidden()
        wait_for_other_pixels(page, "#picture", before)


def test_a_model_that_cannot_be_trusted_is_said(
    visit, running_service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    page = visit.page
    shutil.copytree(PACKAGED_ROOT / "gaussian-4", tmp_path / "gaussian-4")
    with (tmp_path / "gaussian-4" / "model.onnx").open("ab") as file:
        file.write(b"\0")
    monkeypatch.setenv("ANONYNOISE_MODELS", str(tmp_path))
    with running_service({"model": "gaussian-4"}) as service:
        page.goto(service.url)
        expect(page.locator("#service-state")).to_have_text("not ready")
        expect(page.locator("#notice")).to_contain_text("hash")
        expect(page.locator("#audit")).to_contain_text("No model is loaded")


def test_the_page_says_what_the_audit_is_worth(visit, running_service, folder, public_key):
    audited(folder, age=timedelta(hours=5))
    page = visit.page
    badge, text = page.locator("#audit-state"), page.locator("#audit")
    with running_service({"audit": {"policy": "required", "public_key": public_key}}) as service:
        page.goto(service.url)
        expect(badge).to_have_text("audit passing")
        expect(text).to_contain_text("The audit passed")
        expect(text).to_contain_text("nightly")
        expect(text).to_contain_text("synthetic people only")
        expect(text).to_contain_text("5 hours ago")
        expect(text).to_contain_text("retrain, top1 16.5 % [11.0 % to 22.5 %]")
        expect(text).to_contain_text("guessing gets 14.5 %, allowed are 30.0 %")
        expect(page.locator("#service-state")).to_have_text("ready")
        audited(folder, leaks=True)
        expect(page.locator("#service-state")).to_have_text("not ready")
        expect(page.locator("#notice")).to_contain_text("the audit is failing: worst attack")
        page.reload()
        expect(badge).to_have_text("audit failing")
        expect(text).to_contain_text("The audit failed")
        expect(text).to_contain_text("Why: worst attack retrain: top1 70.0 % [60.0, 80.0]")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_state_of_an_audit_has_its_words_and_its_colour(
    visit, running_service, folder, public_key, scheme
):
    audited(folder)
    page = visit.page
    page.emulate_media(color_scheme=scheme)
    tones = {"passing": "--good", "failing": "--bad", "off": "--idle"}
    with running_service({"cameras": [], "audit": {"public_key": public_key}}) as service:
        answer = httpx.get(f"{service.url}/v1/model").json()
        told = {}
        page.route("**/v1/model", lambda route: route.fulfill(json=answer))
        for state in get_args(AuditWord):
            answer["audit"]["state"] = state
            page.goto(service.url)
            badge = page.locator("#audit-state")
            expect(badge).to_have_text(f"audit {state}")
            told[state] = page.locator("#audit").inner_text().split(".")[0]
            for place in ("#audit-state", "#audit"):
                tone = page.eval_on_selector(
                    place, "it => getComputedStyle(it).getPropertyValue('--tone')"
                )
                wanted = page.evaluate(
                    "name => getComputedStyle(document.body).getPropertyValue(name)",
                    tones.get(state, "--warn"),
                )
                assert tone == wanted, (state, place)
        answer["audit"] |= dict.fromkeys(("verdict", "finished", "age_s", "suite", "worst"))
        answer["audit"] |= {"state": "untrusted", "reason": "<b>because</b>"}
        page.goto(service.url)
        expect(page.locator("#audit")).to_contain_text("Why: <b>because</b>.")
    assert len(set(told.values())) == len(get_args(AuditWord))


def test_what_a_model_was_made_of_and_reached_is_told_line_by_line(visit, running_service):
    page = visit.page
    with running_service({"cameras": []}) as service:
        answer = httpx.get(f"{service.url}/v1/model").json()
        reached = {"top1": "2.3 [0.9, 4.2]", "target_acc": "<b>99</b>"}
        answer["manifest"] |= {
            "trained_on": {"notes": ["synthetic", "few"], "train": {"subjects": 77}},
            "metrics": {"percent": {"raw": reached}, "seeds": []},
        }
        page.route("**/v1/model", lambda route: route.fulfill(json=answer))
        page.goto(service.url)
        rows = page.locator("#model .lines dd")
        expect(rows.first).to_contain_text("notes: synthetic, few")
        assert rows.all_inner_texts() == [
            "notes: synthetic, few\ntrain\n  subjects: 77",
            "percent\n  raw\n    top1: 2.3 [0.9, 4.2]\n    target acc: <b>99</b>\n"
            "seeds: none stated",
        ]


def decode(page, message: bytes) -> dict:
    answer = page.evaluate(
        """async (message) => {
            const { decodeMessage } = await import("/viewer/message.js");
            const { buffer } = Uint8Array.from(atob(message), (char) => char.charCodeAt(0));
            try {
                const { metadata, shape, values } = decodeMessage(buffer);
                const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
                return JSON.stringify({ metadata, shape, words: Array.from(words) });
            } catch (error) {
                return JSON.stringify({ error: error.message });
            }
        }""",
        base64.b64encode(message).decode(),
    )
    return json.loads(answer)


def test_every_float16_is_decoded_as_numpy_does(visit, running_service):
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(2, 128, 256)
    singles = np.float32([[[1.5, -2.25]], [[np.inf, 3e-40]]])
    page = visit.page
    with running_service({"cameras": []}) as service:
        page.goto(service.url)
        for tensor in (halves, singles):
            seen = decode(page, save({"anonymized": tensor}, {"seq": "7"}))
            assert seen["metadata"] == {"seq": "7"}
            assert seen["shape"] == list(tensor.shape)
            values = np.array(seen["words"], np.uint32).view(np.float32)
            np.testing.assert_array_equal(values, tensor.astype(np.float32).ravel())


def test_a_damaged_message_is_an_error_not_a_picture(visit, running_service):
    whole = save({"anonymized": np.zeros((2, 3, 4), np.float16)}, {"seq": "7"})
    page = visit.page
    with running_service({"cameras": []}) as service:
        page.goto(service.url)
        for damaged in (b"", whole[:20], whole[:-1], b"\xff" * 64):
            assert "error" in decode(page, damaged)


def test_on_is_orange_off_is_blue_and_nothing_is_the_background(visit, running_service):
    window = np.zeros((4, 2, 2), np.float32)
    window[1, 0, 0] = window[3, 0, 0] = 1  # on, in both bins
    window[0, 0, 1] = window[2, 0, 1] = 1  # off, in both bins
    window[2, 1, 0] = 2  # off, in the second bin only
    window[1, 1, 1] = 2  # on, in the first bin only
    page = visit.page
    with running_service({"cameras": []}) as service:
        page.goto(service.url)
        pixels = page.evaluate(
            """async (values) => {
                const picture = await import("/viewer/picture.js");
                const colours = picture.divergingColours(getComputedStyle(document.body));
                const window = { shape: [4, 2, 2], values: Float32Array.from(values) };
                return [null, 0, 1].map((bin) => {
                    const canvas = document.createElement("canvas");
                    const difference = picture.polarityDifference(window, bin);
                    picture.drawDifference(difference, 2, 2, 1, colours, [canvas]);
                    const { data } = canvas.getContext("2d").getImageData(0, 0, 2, 2);
                    return [0, 1, 2, 3].map((i) => Array.from(data.slice(4 * i, 4 * i + 3)));
                });
            }""",
            window.ravel().tolist(),
        )
        colour = page.evaluate(
            """() => ["--on", "--off", "--zero"].map((name) =>
                getComputedStyle(document.body).getPropertyValue(name).trim())"""
        )
    on, off, zero = ([int(text[i : i + 2], 16) for i in (1, 3, 5)] for text in colour)
    assert pixels == [[on, off, off, on], [on, off, zero, on], [on, off, off, zero]]
    assert on[0] > on[2]
    assert off[2] > off[0]
