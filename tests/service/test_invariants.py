"""The privacy invariants, at the service's public surface. Each test fails when one is broken."""

import asyncio
import json
import logging
import os
import random
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st

from events.magnitude import magnitude
from events.packet import packet
from models.classifier import Classifier
from models.repository import Repository, save
from models.verdict import Anonymized
from service import auth, logs
from service.config import Config
from service.message import Message, decode_message
from service.state import CameraState
from tests.models.audits import OTHER_KEY, WORST, audited, rewritten
from tests.models.onnx_models import constant, node, onnx_bytes, trusted
from tests.service.classifiers import add_classifier
from tests.service.conftest import ADMIN_TOKEN, READ_TOKEN
from tests.service.peers import SENSOR, WINDOW_US, window_events
from tests.service.test_upload import parts

CHANNELS = 10


class Session:
    """An inference session that has gone bad after its self-test passed."""

    def __init__(self, good, answer):
        self._good, self._answer = good, answer

    def run(self, names, inputs):
        return [self._answer(inputs, self._good.run(names, inputs)[0])]

    def get_providers(self):
        return self._good.get_providers()


def _crash(inputs, output):
    raise RuntimeError(f"out of memory at {inputs['events'].max()}")


def _one_nan(inputs, output):
    output = output.copy()
    output[:, 0, 0, 0] = np.nan
    return output


def _one_channel_raw(inputs, output):
    output = output.copy()
    output[:, 3] = inputs["events"][:, 3]
    return output


def _events_raw(inputs, output):
    return np.where(inputs["events"] > 0, inputs["events"], output)


BAD = {
    "crash": (_crash, "inference_error"),
    "nan": (_one_nan, "non_finite"),
    "raw": (lambda inputs, output: inputs["events"].copy(), "unchanged"),
    "nearly raw": (lambda inputs, output: inputs["events"] + 0.1 * inputs["noise"], "unchanged"),
    "one channel raw": (_one_channel_raw, "unchanged"),
    "events raw": (_events_raw, "unchanged"),
    "cut": (lambda inputs, output: output[:, :, :-1], "bad_shape"),
    "nothing": (lambda inputs, output: None, "inference_error"),
}


@pytest.mark.parametrize("name", BAD)
async def test_1_fail_closed_while_running(serve, camera, monkeypatch, name):
    answer, cause = BAD[name]
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    anonymizer = service.service.anonymizer
    good = anonymizer._session
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        monkeypatch.setattr(anonymizer, "_session", Session(good, answer))
        camera.send_windows(0, 3)
        # Fills the fourth window, which the wall clock closes.
        camera.send_events(window_events(3)[1:])
        await service.until("hall", lambda status: status.dropped.get(cause) == 4)
        assert (await service.http.get("/v1/cameras/hall/windows/latest")).status_code == 404
        metrics = (await service.http.get("/metrics")).text
        assert f'dropped_total{{camera="hall",cause="{cause}"}} 4.0' in metrics
        monkeypatch.setattr(anonymizer, "_session", good)
        camera.send_windows(4)
        # The first window anyone sees is the first that was anonymized, and it tells of the loss.
        metadata, _ = decode_message(await socket.recv())
    assert metadata["seq"] == "5"
    assert metadata["dropped"] == "4"


@pytest.mark.parametrize("name", BAD)
async def test_1_fail_closed_on_an_upload(serve, monkeypatch, name):
    answer, cause = BAD[name]
    service = await serve()
    anonymizer = service.service.anonymizer
    rejected = []
    anonymize = type(anonymizer).anonymize

    def noted(self, windows):
        found = anonymize(self, windows)
        rejected.extend(one.cause for one in found)
        return found

    monkeypatch.setattr(type(anonymizer), "anonymize", noted)
    monkeypatch.setattr(anonymizer, "_session", Session(anonymizer._session, answer))
    # As many events that the pixels with them cannot all keep their value by chance.
    body = "\n".join(f"{n} {n % 8} {n // 8 % 8} {n % 2}" for n in range(300)).encode()
    found = await service.http.post(
        "/v1/anonymize?width=8&height=8&time_unit=ms", content=body, timeout=120
    )
    windows, end = parts(found.content)
    assert windows == []
    assert rejected == [cause] * 3
    assert (end["windows"], end["dropped"]) == ("3", "3")


@pytest.mark.parametrize("std", [0.0, 0.01])
async def test_1_fail_closed_at_start(serve, camera, tmp_path, std):
    nodes = [node("Mul", ["noise", "std"], ["s"]), node("Add", ["events", "s"], ["anonymized"])]
    shape = ("n", CHANNELS, "h", "w")
    data = onnx_bytes(nodes, [constant("std", std)], input_shape=shape, output_shape=shape)
    save(trusted(data, representation={"bins": 5}), tmp_path / "leaky")
    service = await serve(model=f"{tmp_path}/leaky", cameras=[{"id": "hall", "url": camera.url}])
    ready = await service.http.get("/health/ready")
    assert ready.status_code == 503
    assert "self-test" in ready.json()["reason"]
    assert camera.connections == 0


async def test_1_fail_closed_on_a_changed_model_file(serve, tmp_path):
    folder = tmp_path / "gaussian"
    save(Repository().load("gaussian-4"), folder)
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"\0")
    service = await serve(model=str(folder))
    ready = await service.http.get("/health/ready")
    assert ready.status_code == 503
    assert "sha256" in ready.json()["reason"]


def test_1_only_what_the_anonymizer_gave_back_becomes_a_message():
    raw = np.zeros((10, 4, 4), np.float32)
    for value in (raw, None, raw.tobytes()):
        with pytest.raises(TypeError):
            Message(value, {})


def _of_another_manifest(folder):
    rewritten(folder, description="as safe as can be")
    audited(folder)
    rewritten(folder, description="")


def _edited(folder):
    audited(folder, leaks=True)
    audit = json.loads((folder / "manifest.json").read_text())["audit"]
    audit["statement"] |= {"verdict": "pass", "worst": WORST}
    rewritten(folder, audit=audit)


def _of_another_model(folder):
    audited(folder.parent / "gaussian-16")
    other = json.loads((folder.parent / "gaussian-16" / "manifest.json").read_text())
    rewritten(folder, audit=other["audit"])


NOT_PASSING = {
    "missing": lambda folder: None,
    "failing": lambda folder: audited(folder, leaks=True),
    "undecided": lambda folder: audited(folder, verdict="undecided"),
    "stale": lambda folder: audited(folder, age=timedelta(days=4)),
    "untrusted: is dated in the future": lambda folder: audited(folder, age=timedelta(hours=-1)),
    "untrusted: was signed with another key": lambda folder: audited(folder, OTHER_KEY),
    "untrusted: the signature does not fit": _edited,
    "untrusted: is of another model": _of_another_model,
    "untrusted: is of another manifest": _of_another_manifest,
    "untrusted: cannot be read": lambda folder: rewritten(folder, audit={"verdict": "pass"}),
}


@pytest.mark.parametrize("why", NOT_PASSING)
async def test_1_no_window_without_a_passing_audit_where_one_is_required(
    serve, camera, folder, public_key, tmp_path, monkeypatch, why
):
    monkeypatch.setattr("service.audit._POLL_S", 0.002)
    NOT_PASSING[why](folder)
    service = await serve(
        audit={"policy": "required", "public_key": public_key},
        cameras=[{"id": "hall", "url": camera.url}],
        record={"folder": tmp_path / "record"},
    )
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        await _nothing_comes(service, camera, 0, 4, why)
        assert list((tmp_path / "record").glob("*/*")) == []
        # Once there is one, it goes on, and tells the readers, who stayed, of what they missed.
        audited(folder)
        await service.until_audit("passing")
        camera.send_windows(4)
        metadata, _ = decode_message(await socket.recv())
        assert (metadata["seq"], metadata["dropped"]) == ("5", "4")
        assert (await service.http.get("/health/ready")).status_code == 200
        await service.until("hall", lambda status: status.windows == 2)
        assert decode_message(await socket.recv())[0]["seq"] == "6"
        # And ends again with the night that finds a leak: what was shown before, too.
        audited(folder, leaks=True)
        await service.until_audit("failing")
        camera.send_windows(6)
        await _nothing_comes(service, camera, 7, 9, "failing")
        audited(folder)
        await service.until_audit("passing")
        camera.send_windows(11)
        metadata, _ = decode_message(await socket.recv())
    assert (metadata["seq"], metadata["dropped"]) == ("12", "9")


async def test_1_what_waits_for_a_reader_is_not_sent_once_the_audit_forbids_it(
    serve, camera, folder, public_key
):
    audited(folder)
    service = await serve(
        audit={"policy": "required", "public_key": public_key},
        cameras=[{"id": "hall", "url": camera.url}],
    )
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        camera.send_windows(0)
        await socket.recv()
        hub, audit = service.service.hub, service.service.audit
        message = hub.latest("hall")

        def publish(camera: str, count: int) -> None:
            metadata = message.metadata | {"camera": camera}
            for _ in range(count):
                hub.publish("hall", Message(Anonymized(message.tensor), metadata))

        # All of it before anybody has a turn to send.
        publish("held back", 3)
        audited(folder, leaks=True)
        audit.look()
        await (await socket.ping())
        audited(folder)
        audit.look()
        publish("sent", 1)
        names = []
        while "sent" not in names:
            names.append(decode_message(await socket.recv())[0]["camera"])
    assert "held back" not in names


async def _nothing_comes(service, camera, first, dropped, why):
    """Send windows until ``dropped`` are lost to the audit, and look at every way out."""
    camera.send_windows(first, 3)
    camera.send_events(window_events(first + 3)[1:])
    status = await service.until("hall", lambda status: status.dropped.get("audit", 0) >= dropped)
    assert sum(status.dropped.values()) == status.dropped["audit"]
    ready = await service.http.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["reason"].startswith(f"the audit is {why}")
    assert os.sep not in ready.json()["reason"]
    for answer in (
        await service.http.get("/v1/cameras/hall/windows/latest"),
        await service.http.get("/v1/cameras/hall/windows/latest", headers={"Accept": "image/png"}),
        await service.http.post("/v1/anonymize?width=8&height=8", content=b"1 2 3 1\n"),
    ):
        assert answer.status_code == 503
        assert answer.json() == {"detail": f"not ready: {ready.json()['reason']}"}
    metrics = (await service.http.get("/metrics")).text
    assert 'dropped_total{camera="hall",cause="audit"}' in metrics
    assert "anonynoise_ready 0.0" in metrics


async def test_1_an_upload_under_way_ends_with_the_audit_it_began_under(
    serve, folder, public_key, monkeypatch
):
    audited(folder)
    service = await serve(audit={"policy": "required", "public_key": public_key})
    anonymizer, audit = service.service.anonymizer, service.service.audit
    anonymize = type(anonymizer).anonymize
    seen = []

    def noted(self, windows):
        seen.append(1)
        if len(seen) == 3:
            audit.clock = lambda: datetime.now(UTC) + timedelta(days=4)
        return anonymize(self, windows)

    monkeypatch.setattr(type(anonymizer), "anonymize", noted)
    body = "\n".join(f"{n} 1 1 1" for n in range(500)).encode()
    answer = await service.http.post(
        "/v1/anonymize?width=8&height=8&time_unit=ms", content=body, timeout=120
    )
    windows, end = parts(answer.content)
    assert [metadata["seq"] for metadata, _ in windows] == ["1", "2"]
    assert (end["windows"], end["dropped"]) == ("5", "3")


async def test_2_noise_cannot_be_made_to_repeat(serve, camera, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1.0)
    monkeypatch.setattr("time.time_ns", lambda: 1_000_000_000)
    tensors = []
    for _ in range(2):
        random.seed(0)
        np.random.seed(0)
        service = await serve(cameras=[{"id": "hall", "url": camera.url}])
        async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
            await camera.connected()
            camera.send_windows(0)
            tensors.append(decode_message(await socket.recv())[1])
        await service.http.delete("/v1/cameras/hall")
        camera.connections = 0
    assert np.mean(tensors[0] == tensors[1]) < 0.01
    assert abs(np.corrcoef((tensors[0] - tensors[1]).ravel(), tensors[0].ravel())[0, 1]) > 0.5


_written: list[str] | None = None


def _audit(event: str, args: tuple) -> None:
    if _written is None or event != "open":
        return
    path, mode, flags = args
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    if (isinstance(mode, str) and set(mode) & set("wax+")) or (flags or 0) & writes:
        _written.append(str(path))


sys.addaudithook(_audit)


@given(st.integers(0, 10**9))
def test_3_the_number_of_events_leaves_as_a_power_of_a_thousand(count):
    said = magnitude(count)
    assert said in {0, 1, 1000, 1000**2, 1000**3}
    assert said <= count < 1000 * max(said, 0.001)


async def test_3_no_message_has_the_number_of_its_events(serve, camera):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        camera.send_events(window_events(0, events=1389))
        camera.send_events(window_events(1, events=50))
        message = await socket.recv()
    assert decode_message(message)[0]["events"] == "1000"


async def test_3_no_reader_is_told_the_number_of_events(serve, camera):
    tokens = {"read_token": READ_TOKEN, "admin_token": ADMIN_TOKEN}
    service = await serve(READ_TOKEN, cameras=[{"id": "hall", "url": camera.url}], **tokens)
    await camera.connected()

    async def outside() -> int:
        return (await service.http.get("/v1/cameras/hall")).json()["outside"]

    for number, (events, left_out) in enumerate(((1389, 57), (50, 1444), (7, 9))):
        camera.send_events(window_events(number, events=events))
        camera.send_events(packet([(number + 1) * WINDOW_US - 1] * left_out, SENSOR.width, 0, 1))
        if not number:
            await service.until("hall", lambda status: status.outside == 57)
            # Not while the window is open, of which there is nothing to be told yet.
            assert await outside() in (0, 1)
    await service.until("hall", lambda status: status.windows == 3)

    one = (await service.http.get("/v1/cameras/hall")).json()
    (listed,) = (await service.http.get("/v1/cameras")).json()["cameras"]
    metrics = (await service.http.get("/metrics")).text
    assert one["events"] == listed["events"] == 1000 + 1 + 1
    assert max(one["events_per_s"], listed["events_per_s"]) <= 1002 / 0.25
    assert 'anonynoise_events_total{camera="hall"} 1002.0' in metrics
    assert one["outside"] == listed["outside"] == 1 + 1000 + 1
    assert 'anonynoise_events_outside_total{camera="hall"} 1002.0' in metrics

    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    exact = (await service.http.get("/v1/cameras/hall", headers=admin)).json()
    assert (exact["events"], exact["outside"]) == (1446 + 1510, 1510)

    # Of events that no window is closed for, once there are no more.
    camera.send_events(packet([3 * WINDOW_US] * 23, SENSOR.width, 0, 1))
    await service.until("hall", lambda status: status.outside == 1533)
    assert await outside() == 1002
    await service.http.patch("/v1/cameras/hall", headers=admin, json={"enabled": False})
    assert await outside() == 1003


async def test_3_raw_events_never_leave(serve, camera, caplog, tmp_path, monkeypatch):
    """Plants a time and a pattern, then looks for them in everything that comes out."""
    global _written  # noqa: PLW0603 - an audit hook cannot be removed, only silenced
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    _written = []
    try:
        planted_us = 31_415_926
        t = [31_400_000, planted_us, planted_us + 1]
        camera.send_events(packet(t, [7, 7, 9], [5, 5, 3], [1, 1, 0]))
        camera.send_windows(400, 2)
        camera.send(b"\x00\x00\x00\x00\xff\xff\xff\x7f")
        await service.until("hall", lambda status: status.windows >= 3 and status.reconnects)
        text = "\n".join(f"{x} {y} {z}" for x, y, z in ((7, 5, 1), (9, 3, 0)))
        body = "\n".join(f"{planted_us} {line}" for line in text.split("\n")).encode()
        answers = [
            await service.http.post("/v1/anonymize?width=32&height=24", content=body),
            await service.http.post("/v1/anonymize?width=32&height=24", content=body + b"\nx y"),
            await service.http.post("/v1/anonymize", content=b"\xff" + body),
        ]
        for path in ("/v1/cameras", "/v1/cameras/hall", "/metrics", "/v1/model", "/"):
            answers.append(await service.http.get(path))
        for kind in ("application/vnd.safetensors", "application/json", "image/png"):
            answers.append(
                await service.http.get("/v1/cameras/hall/windows/latest", headers={"Accept": kind})
            )
    finally:
        written, _written = _written, None
    assert [path for path in written if path != os.devnull] == []
    raw = np.zeros((CHANNELS, SENSOR.height, SENSOR.width))
    raw[5, 5, 7] = 2
    for answer in answers:
        for dtype in ("u1", "<u2", "<f4", "<f2"):
            # Three rows around the planted pixel, as any numeric type would hold them.
            assert raw[5, 4:7].astype(dtype).tobytes() not in answer.content
        assert str(planted_us + 1).encode() not in answer.content
    logged = "\n".join(json.dumps(record.__dict__, default=str) for record in caplog.records)
    assert "camera state" in logged
    assert str(planted_us) not in logged
    assert list(tmp_path.iterdir()) == []


async def test_3_a_recognizer_sees_what_was_published_and_nothing_else(
    serve, camera, repository, monkeypatch
):
    seen = []
    classify = Classifier.classify

    def noted(self, tensor):
        seen.append(tensor.tobytes())
        return classify(self, tensor)

    add_classifier(repository)
    service = await serve(recognizers=["gesture"], cameras=[{"id": "hall", "url": camera.url}])
    # Only now: when it is loaded, it is tested on windows of its own.
    monkeypatch.setattr(Classifier, "classify", noted)
    published = []
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        for number in range(4):
            camera.send_windows(number)
            published.append(decode_message(await socket.recv())[1].tobytes())
            await service.until("hall", lambda status: status.recognized)
    await service.until("hall", lambda status: status.recognized.seq >= 4)
    latest = await service.http.get("/v1/cameras/hall/windows/latest")
    # The fifth window, which the wall clock may have closed.
    published.append(decode_message(latest.content)[1].tobytes())
    assert len(seen) >= 4
    assert all(window in published for window in seen)


async def test_3_a_failing_anonymizer_is_logged_by_the_kind_of_failure_alone(
    serve, camera, caplog, monkeypatch
):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])

    def broken(self, windows):
        raise RuntimeError(f"cannot take {windows.tolist()}")

    monkeypatch.setattr(type(service.service.anonymizer), "anonymize", broken)
    await camera.connected()
    with caplog.at_level(logging.DEBUG):
        camera.send_windows(0, 3)
        await service.until("hall", lambda status: status.dropped.get("inference_error", 0) >= 2)
    usual = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
    told = [record for record in caplog.records if record.message == "anonymizer failed"]
    assert told
    for record in told:
        assert record.exc_info is None
        assert {key: value for key, value in vars(record).items() if key not in usual} == {
            "error": "RuntimeError"
        }


def test_3_a_log_line_does_not_quote_what_an_exception_says(capsys):
    root = logging.getLogger()
    before = root.handlers, root.level
    counts = str([13, 0, 37])
    logs.set_up("info")
    try:
        try:
            raise ValueError(counts)
        except ValueError:
            logging.getLogger("service").exception("anonymizer failed")
    finally:
        root.handlers, root.level = before
    said = capsys.readouterr().err
    assert counts not in said
    # But what happened is there, and where.
    line = json.loads(said)
    assert line["message"] == "anonymizer failed"
    assert line["exc_info"].endswith("ValueError")
    assert "test_3_a_log_line" in line["exc_info"]


def test_3_a_crash_leaves_no_core():
    code = (
        "import ctypes, resource; from events.core_dumps import forbid_core_dumps;"
        "forbid_core_dumps();"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split("\n")[0] == "(0, 0) 0"


#: What each command that has raw events in memory is told, so that it ends at once.
ENDS = {
    "serve": ("--listen", "{taken}"),
    "demo": ("--model", "none"),
    "anonymize": ("{text}", "{text}.windows"),
    "replay": ("{text}", "--time-unit", "us"),
    "camera": ("--driver", "inivation"),
}


@pytest.mark.parametrize("name", ENDS)
def test_3_no_command_that_holds_raw_events_leaves_a_core(name, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("1 2 3 1\n")
    code = (
        "import atexit, ctypes, resource, anonynoise;"
        "limit = lambda: resource.getrlimit(resource.RLIMIT_CORE);"
        "atexit.register(lambda: print('', limit(), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)));"
        "anonynoise.main()"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"taken": f"127.0.0.1:{taken.getsockname()[1]}", "text": text}
        arguments = [argument.format(**names) for argument in ENDS[name]]
        done = subprocess.run(
            [sys.executable, "-c", code, name, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert "Error: " in done.stderr
    assert done.stdout == " (0, 0) 0\n"


def test_3_a_cameras_driver_leaves_no_core(tmp_path):
    # The driver works in a child of the command's, and what a process forbids itself does not
    # all go over to the program that it starts.
    (tmp_path / "dv_processing.py").write_text(
        "import ctypes, resource\n"
        "class io:\n"
        "    class camera:\n"
        "        def discover():\n"
        "            limit = resource.getrlimit(resource.RLIMIT_CORE)\n"
        "            raise RuntimeError(f'{limit} {ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "anonynoise", "camera", "--driver", "inivation"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}"},
    )
    assert done.stderr == "Error: iniVation camera: (0, 0) 0\n"


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "camera-box:0"])
def test_4_no_service_for_other_machines_without_tokens(listen):
    done = subprocess.run(
        [sys.executable, "-m", "anonynoise", "serve", "--listen", listen],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode != 0
    assert "set admin_token and read_token" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


async def test_4_every_token_is_compared_in_constant_time(monkeypatch):
    compared = []

    def compare(given, expected):
        compared.append((given, expected))
        return given == expected

    monkeypatch.setattr(auth.hmac, "compare_digest", compare)
    tokens = auth.Tokens(Config(read_token="r" * 16, admin_token="a" * 16))
    assert [tokens.scope(t) for t in ("r" * 16, "a" * 16, "x", None, "")] == [
        *("read", "admin"),
        *(None, None, None),
    ]
    assert len(compared) == 10


async def test_the_same_events_never_get_a_second_draw(serve, camera):
    """Reading a window again, late, or in another type gives the draw that was published."""
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    camera.send_events(window_events(0))
    camera.send_events(packet([WINDOW_US], [0], [0], [0]))
    await service.until("hall", lambda status: status.windows == 2)
    path = "/v1/cameras/hall/windows/latest"
    first = (await service.http.get(path)).content
    with suppress(websockets.ConnectionClosed):
        async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows"):
            pass
    assert (await service.http.get(path)).content == first


async def test_changes_at_the_same_time_leave_one_reader_of_a_camera(serve, camera):
    """Two readers would be two draws over the same events, and one of them nobody's to stop."""
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    changes = (service.http.patch("/v1/cameras/hall", json={"enabled": True}) for _ in range(8))
    assert {answer.status_code for answer in await asyncio.gather(*changes)} == {200}
    await service.until("hall", lambda status: status.state is CameraState.QUIET)
    camera.send_windows(0)
    status = await service.until("hall", lambda status: status.windows == 2)
    assert (status.events, status.segment) == (201, 1)
    removals = (service.http.delete("/v1/cameras/hall") for _ in range(2))
    gone = [answer.status_code for answer in await asyncio.gather(*removals)]
    assert sorted(gone) == [204, 404]
    await camera.left()
