"""The page of an audit."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.audit.reports import (
    CHANCE,
    STARTED,
    attack,
    curve,
    empty_report,
    figure,
    png,
    report,
)
from training.audit.findings import Skipped
from training.audit.history import Past, in_short
from training.audit.page import page
from training.audit.report import CurvePoint, Data, Report, Sample, Verification

DIGEST = "e" * 64
_EMPTY = {"meta", "img", "path", "circle", "use", "rect"}


@dataclass
class Table:
    caption: str = ""
    rows: list[list[str]] = field(default_factory=list)


class Read(HTMLParser):
    """What a page holds: its tags in order, texts, tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.tables: list[Table] = []
        self._inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside.append(tag)
        if tag == "table":
            self.tables.append(Table())
        elif tag == "tr":
            self.tables[-1].rows.append([])
        elif tag in ("td", "th"):
            self.tables[-1].rows[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "style" in self._inside:
            return
        self.text += data
        if "caption" in self._inside:
            self.tables[-1].caption += data
        elif "td" in self._inside or "th" in self._inside:
            self.tables[-1].rows[-1][-1] += data

    def table(self, caption: str) -> list[list[str]]:
        (found,) = [table for table in self.tables if table.caption.startswith(caption)]
        return found.rows

    def attributes(self, name: str) -> list[str]:
        return [found[name] or "" for _, found in self.tags if name in found]

    @property
    def skeleton(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(tag, tuple(attributes)) for tag, attributes in self.tags]


def shown(one: Report, *before: Report) -> Read:
    history = [in_short(other, f"{place:064x}") for place, other in enumerate(before)]
    return Read(page(one, [*history, in_short(one, DIGEST)], DIGEST))


@pytest.fixture(scope="module")
def text() -> str:
    earlier = report(verdict="undecided", finished=STARTED - timedelta(days=1))
    return page(report(), [in_short(earlier, "f" * 64), in_short(report(), DIGEST)], DIGEST)


@pytest.fixture(scope="module")
def full(text: str) -> Read:
    return Read(text)


def test_nothing_is_fetched_and_nothing_runs(text: str, full: Read) -> None:
    (policy,) = [found["content"] for _, found in full.tags if "http-equiv" in found]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not {"script", "link", "iframe", "object", "form"} & {tag for tag, _ in full.tags}
    assert not [name for _, found in full.tags for name in found if name.startswith("on")]
    assert all(one.startswith("data:image/png;base64,") for one in full.attributes("src"))
    assert all(one.startswith("#") for one in full.attributes("href"))
    assert "//" not in re.sub(r"base64,[^\"]*", "", text)
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert "@import" not in text


def test_the_same_report_gives_the_same_page(text: str) -> None:
    earlier = report(verdict="undecided", finished=STARTED - timedelta(days=1))
    history = [in_short(earlier, "f" * 64), in_short(report(), DIGEST)]
    assert page(report(), history, DIGEST) == text


def test_every_reference_inside_has_one_target(text: str, full: Read) -> None:
    names = full.attributes("id")
    assert len(set(names)) == len(names)
    inside = {one[1:] for one in full.attributes("href")} | set(re.findall(r"url\(#([^)]*)", text))
    assert inside | set(full.attributes("aria-labelledby")) <= set(names)


def test_a_screen_reader_is_told_everything(full: Read) -> None:
    assert all(table.caption.strip() for table in full.tables)
    assert all("scope" in found for tag, found in full.tags if tag == "th")
    assert all(found.get("alt") for tag, found in full.tags if tag == "img")
    drawn = [found for tag, found in full.tags if tag == "svg" and "aria-hidden" not in found]
    assert len(drawn) >= 7
    assert all(found["role"] == "img" and found["aria-label"] for found in drawn)
    scrolled = [found for _, found in full.tags if found.get("class") == "scroll"]
    assert all(found["tabindex"] == "0" and found["aria-label"] for found in scrolled)


@pytest.mark.parametrize(
    ("verdict", "word"), [("pass", "Pass"), ("leak", "Leak"), ("undecided", "Could not decide")]
)
def test_the_verdict_stands_first_in_words(verdict: str, word: str) -> None:
    read = shown(empty_report(verdict=verdict, reason="a reason of its own"))
    top = read.text[: read.text.index("About this audit")]
    assert word in top
    assert "a reason of its own" in top


def test_the_worst_attack_stands_at_the_top_with_its_figures(full: Read) -> None:
    top = full.text[: full.text.index("About this audit")]
    for said in ("consecutive-16", "15.3 %", "[11.3, 19.3]", "29.0 %", "14.5 %"):
        assert said in top


def test_attacks_that_beat_the_model_are_told_at_the_top(full: Read) -> None:
    top = full.text[full.text.index("beat this model") : full.text.index("About this audit")]
    assert "enrolled puts the right person first in 41.2 % [37.2, 45.2] of queries" in top
    assert "above the limit of 29.0 %" in top
    assert "averaging-64" in top
    assert top.count("does not count for the verdict") == 2
    assert "static" not in top


def test_an_interval_that_ends_at_its_limit_is_within_it() -> None:
    plain: dict[str, Any] = {"cmc": (), "verification": None}
    at = attack("static", 2 * CHANCE - 4, **plain)
    assert "beat this model" not in shown(empty_report(attacks=(at,))).text
    over = attack("static", 2 * CHANCE - 3.9, **plain)
    assert "Attacks that may beat this model" in shown(empty_report(attacks=(over,))).text
    leak = empty_report(attacks=(over,), verdict="leak")
    assert "Attacks that beat this model" in shown(leak).text


@pytest.mark.parametrize(
    ("eer", "count", "told"), [(45.9, 1, True), (46.1, 1, False), (45.9, 2, False)]
)
def test_that_pairs_are_told_apart_is_said_where_few_could_be_found(
    eer: float, count: int, told: bool
) -> None:
    unsure = attack("static", CHANCE, curve=(), verification=None)
    assert unsure.identity is not None
    wide = unsure.identity.top1.model_copy(update={"low": 0.0, "high": 60.0})
    at = CurvePoint(count=1, top1=wide, chance=CHANCE)
    further = CurvePoint(count=2, top1=figure(CHANCE), chance=CHANCE)
    pairs = Verification(eer=figure(eer), tpr_at_1=figure(1), tpr_at_01=figure(0.1))
    one = attack("confusions", curve=(at, further)[:count], verification=pairs)
    page = shown(empty_report(attacks=(one,))).text
    assert "confusions-1 puts the right person first" in page
    apart = f"with an equal error rate of {eer:.1f} % [{eer - 4:.1f}, {eer + 4:.1f}]"
    assert (apart in page) is told
    assert ("this may still be guessing" in page) is not told


def test_what_is_broken_is_told_whatever_the_rates_say() -> None:
    read = shown(empty_report(attacks=(attack("noise-stream", goal="noise", broken=True),)))
    assert "noise-stream broke what it goes for (noise)" in read.text
    (_, row) = read.table("What every attack found")
    assert row[:2] == ["noise-stream", "broken"]


def test_the_table_of_attacks_holds_every_figure(full: Read) -> None:
    heading, *rows = full.table("What every attack found")
    found = {row[0]: dict(zip(heading, row, strict=True)) for row in rows}
    assert list(found) == [
        "retrain-residual-warm",
        "consecutive-16",
        "noise-stream",
        "static",
        "enrolled",
        "averaging-64",
        "attributes",
        "reconstruction",
    ]
    assert found["enrolled"] == {
        "attack": "enrolled",
        "result": "above limit",
        "top-1": "41.2 [37.2, 45.2]",
        "limit": "29.0",
        "guessing": "14.5",
        "top-5": "81.2 [77.2, 85.2]",
        "top-10": "100.0 [96.0, 100.0]",
        "mAP": "16.0 [12.0, 20.0]",
        "EER": "47.0 [43.0, 51.0]",
        "TPR at 1 %": "1.5 [1.0, 2.0]",
        "TPR at 0.1 %": "0.2 [0.1, 0.3]",
        "counts": "no",
        "seeds": "0, 1",
        "time": "1 min 1 s",
    }
    assert found["consecutive-16"]["result"] == "within limit"
    assert found["consecutive-16"]["top-5"] == "–"


def test_the_other_tables_hold_their_figures(full: Read) -> None:
    put_together = full.table("Top-1 in percent against how many were put together.")
    assert put_together[12][:2] == ["averaging-64", "71.0 [67.0, 75.0]"]
    over_others = full.table("Top-1 in percent against how many were put together, over other")
    assert over_others[3][:3] == ["averaging-4", "a weak cover", "80.0 [76.0, 84.0]"]
    assert full.table("How often a property")[1] == [
        "handedness",
        "attributes",
        "the model",
        "54.0 [50.0, 58.0]",
        "52.0",
    ]
    assert full.table("An attack that finds nobody")[2] == [
        "retrain-residual-warm",
        "shuffled people",
        "guess people",
        "15.0 [11.0, 19.0]",
        "14.5",
        "held",
    ]
    assert full.table("Attacks that this audit")[1] == [
        "white-box",
        "the model",
        "1",
        "the time was over",
    ]
    utility = full.table("How much of the task")
    assert utility[1][0] == "anonynoise-gesture read by gesture"
    assert utility[1][2] == "96.3 [94.3, 98.3]"
    assert utility[5][0] == "gaussian-4"
    assert utility[5][4] == "65.2 [49.2, 81.2]"
    assert "Gaussian noise of about 4.2 counts leaves as much" in full.text
    details = {tuple(row[:3]): row[3] for row in full.table("What else attacks measured")[1:]}
    assert details["noise-stream", "the model", "p value"] == "0.43"
    assert details["noise-stream", "the model", "ok"] == "yes"
    assert details["reconstruction", "the model", "ssim, published"] == "0.04"
    # Pictures are shown, not spelled out.
    assert not [name for _, _, name in details if "pictures" in name]
    history = full.table("Audits of models of this name")
    assert [row[1] for row in history[1:]] == ["pass", "undecided"]
    assert "(this one)" in history[1][0]


def test_provenance_is_all_there(full: Read) -> None:
    one = report()
    for said in (
        "anonynoise-gesture 1.0.0",
        one.model.sha256,
        one.model.manifest_sha256,
        "A window is 0.5 s.",
        one.data.digest,
        "4048 windows",
        "nightly",
        "2026-03-02 02:35 UTC",
        "1 h 35 min",
        one.device,
        one.commit,
        one.command,
        DIGEST,
        "Synthetic data.",
    ):
        assert said is not None
        assert said in full.text


def test_adversaries_are_described_once() -> None:
    same = {"threat": "He owns the box."}
    several = (attack("one", **same), attack("two", notes=("A note.",), **same))
    read = shown(empty_report(attacks=several))
    assert read.text.count("He owns the box.") == 1
    assert "one, two" in read.text
    assert "two: A note." in read.text


def test_a_failed_control_and_its_lack_are_told() -> None:
    failed = report().controls[0].model_copy(update={"held": False})
    read = shown(empty_report(controls=(failed,)))
    assert read.table("An attack that finds nobody")[1][-1] == "did not hold"
    assert "nothing shows here that the attacks can succeed" in shown(empty_report()).text


def test_a_control_says_which_property_it_is_about() -> None:
    people = report().controls
    skin = {"attack": "attributes", "attribute": "skin"}
    lines = (*people, *(one.model_copy(update=skin) for one in people))
    rows = shown(empty_report(controls=lines)).table("An attack that finds nobody")[1:]
    assert [row[2] for row in rows] == ["find people", "guess people", "tell skin", "guess skin"]


def test_an_audit_in_which_nothing_came_to_an_end() -> None:
    read = shown(empty_report())
    assert "no worst one" in read.text
    assert "None was carried out on the model" in read.text
    assert len(read.table("Attacks that this audit")) == 3
    assert not [tag for tag, found in read.tags if tag == "svg" and "role" in found]


def test_a_curve_of_several_seeds_with_one_point_is_a_row_and_no_plot() -> None:
    read = shown(empty_report(attacks=(attack("consecutive", curve=curve(9.0)),)))
    assert read.table("Top-1 in percent against")[1][0] == "consecutive-1"
    assert "accuracy against K" not in read.text


def test_many_audits_are_a_short_table_and_one_plot() -> None:
    earlier = [report(finished=STARTED - timedelta(days=30 - day)) for day in range(30)]
    read = shown(report(attacks=(), baselines=(), utility=()), *earlier)
    rows = read.table("Audits of models of this name, the latest first; 11 earlier ones")
    assert len(rows) == 21
    assert len([tag for tag, found in read.tags if tag == "svg" and "role" in found]) == 1


def test_nobody_who_was_recorded_is_shown() -> None:
    told = report().data
    real = Data(**told.model_dump() | {"synthetic": False})
    samples = (Sample(caption="A window", raw=png(1, 2, 3), published=png(4, 5, 6)),)
    (drew,) = [one for one in report().attacks if one.attack == "reconstruction"]
    attacks = (attack("reconstruction", details=drew.details),)
    read = shown(empty_report(data=real, samples=samples, attacks=attacks))
    pictures = read.attributes("src")
    assert len(pictures) == 3
    for held_back in (png(1, 2, 3), png(90, 80, 70), png(91, 81, 71)):
        assert not [one for one in pictures if held_back in one]
    assert "Synthetic data." not in read.text
    assert "Recordings of real people." in read.text
    synthetic = shown(empty_report(samples=samples, attacks=attacks))
    assert len(synthetic.attributes("src")) == 6


def test_what_is_no_picture_is_not_shown_as_one() -> None:
    samples = (Sample(caption="A window", raw=None, published="PHNjcmlwdD4="),)
    assert not shown(empty_report(samples=samples)).attributes("src")


def test_text_can_neither_turn_words_around_nor_control_a_screen() -> None:
    read = shown(empty_report(reason="not \u202eleak\u202c \x1b[2J\x00 done\n  here"))
    assert "not \ufffdleak\ufffd \ufffd[2J\ufffd done here" in read.text


def _written(text: str) -> Report:
    """A report that says ``text`` wherever anybody can say something."""
    told = report()
    return empty_report(
        reason=text,
        device=text,
        commit=text,
        command=text,
        model=told.model.model_copy(update={"version": text}),
        data=told.data.model_copy(
            update={"name": text, "notes": (text,), "train": {text: 1}, "test": {text: 1}}
        ),
        attacks=(
            attack(
                "static", threat=text, notes=(text,), details={text: text, "list": [text, text]}
            ),
        ),
        skipped=(Skipped(attack="mixer", cover="model", seed=0, reason=text),),
        samples=(Sample(caption=text, raw=png(0, 0, 0), published=png(1, 1, 1)),),
    )


_HOSTILE = st.text(min_size=1, max_size=60) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "' onmouseover='x",
        "--><style>*{display:none}</style>",
        "</title></style></svg><b>",
        "{{ report }}{% raw %}",
        "&lt;b&gt; &#x3c;",
        "]]>\x00\u2028",
    ]
)


@settings(max_examples=25, deadline=None)
@given(text=_HOSTILE)
def test_no_text_becomes_markup(text: str) -> None:
    benign = shown(_written("benign"))
    hostile = shown(_written(text))
    assert hostile.skeleton == benign.skeleton
    clean = re.sub(r"\s+", " ", text)
    said = "".join(c if c.isprintable() else "\ufffd" for c in clean)
    assert hostile.table("Attacks that this audit")[1][3] == said
    assert hostile.table("Audits of models")[1][7].startswith(said)


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


def test_a_phone_shows_it_without_scrolling_sideways_and_nothing_is_asked_for(
    browser: Any, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(text)
    asked: list[str] = []
    complaints: list[str] = []
    tab = browser.new_page(viewport={"width": 360, "height": 740})
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: complaints.append(message.text))
    tab.goto(path.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert tab.evaluate("Array.from(document.images).every((image) => image.naturalWidth)")
    assert [one for one in asked if not one.startswith("data:")] == [path.as_uri()]
    assert not complaints


def test_what_few_ask_for_is_folded_and_yet_on_paper(
    browser: Any, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text(text)
    tab = browser.new_page()
    tab.goto(path.as_uri())
    for caption in ("What else attacks measured", "over other covers"):
        table = tab.locator("table", has_text=caption)
        assert table.count() == 1 and not table.is_visible()
        summary = tab.locator("details", has=table).locator("summary")
        summary.press("Enter")
        assert table.is_visible()
        summary.press("Enter")
        assert not table.is_visible()
    tab.emulate_media(media="print")
    assert tab.locator("table:visible").count() == tab.locator("table").count()


def test_the_history_may_hold_audits_without_a_worst_attack() -> None:
    earlier: list[Past] = [in_short(empty_report(), "f" * 64)]
    read = Read(page(empty_report(), earlier, DIGEST))
    assert read.table("Audits of models")[1][3] == "–"
