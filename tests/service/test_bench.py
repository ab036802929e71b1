"""``anonynoise bench``: what it reports, never how fast that was."""

import json
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from events.evt3 import Evt3Decoder
from events.packet import SensorSize
from service.bench import end_to_end
from service.bench.evt3_writer import evt3_stream, readout
from service.bench.feeder import Sent
from service.bench.result import BenchError, Effort, Goal
from service.bench.result import Result as Figure
from service.bench.subscriber import Subscriber
from service.bench.synthetic import edge_events, uniform_events
from service.commands.bench import command

_KEYS = {
    "family",
    "name",
    "value",
    "unit",
    "floor",
    "floor_of",
    "ratio",
    "goal",
    "met",
    "note",
    "details",
}


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["--quick", *arguments])


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """``measured(family)``: the report of a quick bench of that family, made once."""

    @cache
    def measure(family: str) -> dict[str, Any]:
        path = tmp_path_factory.mktemp("bench") / "bench.json"
        result = bench("--json", str(path), "--only", family, "--overload-s", "4")
        assert result.exit_code == 0, result.output
        report: dict[str, Any] = json.loads(path.read_text())
        return report

    return measure


@pytest.mark.parametrize(
    ("family", "goals"),
    [
        ("decode", ["≥ 80", "≥ 60", None, None, "≥ 40", None]),
        ("histogram", ["≥ 150", None, "≥ 100", None]),
        ("noise", ["≤ 1", "≤ 20"]),
        ("anonymizer", [None, None, None]),
        ("end-to-end", [None, None, "≤ 5", None, None, "≤ 5"]),
        ("ingest", ["≤ 0", "≥ 10", None]),
        ("overload", ["≤ 1.1"]),
    ],
)
def test_each_family_reports_figures_with_floors(
    measured: Any, family: str, goals: list[str | None]
) -> None:
    report = measured(family)
    assert report["command"] == f"anonynoise bench --quick --only {family} --overload-s 4"
    assert [result["goal"] for result in report["results"]] == goals
    for result in report["results"]:
        assert set(result) == _KEYS
        assert result["family"] == family
        assert math.isfinite(result["value"]) and math.isfinite(result["floor"])
        assert (result["met"] is None) == (result["goal"] is None)
        assert result["floor_of"]


def test_nothing_is_lost_on_the_way_in(measured: Any) -> None:
    lost = measured("ingest")["results"][0]
    assert lost["unit"] == "events"
    assert lost["value"] == 0
    assert lost["met"]
    assert lost["details"]["counted"] == lost["details"]["sent"] > 0


def test_every_window_of_every_camera_is_timed(measured: Any) -> None:
    for result in measured("end-to-end")["results"]:
        assert result["details"]["windows"] == 20
        # How many came in time is a matter of speed; that none came would not be.
        assert max(result["details"]["missing"], result["details"]["relay_missing"]) < 20
        assert result["details"]["message_bytes"] > 10 * 128 * 128 * 4
        # A quick round lasts a second; more than all cores' time cannot be taken.
        assert 0 <= result["details"]["stolen_s"] < 60


def test_overload_samples_memory_and_counts_windows(measured: Any) -> None:
    (result,) = measured("overload")["results"]
    details = result["details"]
    assert min(details["windows_closed"], details["windows_published"]) > 0
    assert details["windows_dropped"] >= 0
    assert details["rss_later_peak_mib"] > 10


def test_the_report_says_where_it_was_measured(measured: Any) -> None:
    report = measured("noise")
    assert {"cpu", "cores", "python", "packages"} <= set(report["machine"])
    assert report["machine"]["packages"]["numpy"] == np.__version__
    assert {"command", "commit", "date", "quick", "schema_version"} <= set(report)


def test_markdown_is_a_table_with_the_command_and_the_device_under_it() -> None:
    result = bench("--markdown", "--only", "noise")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("| What | Measured | Floor |")
    assert lines[2].startswith("| noise 10x128x128 |")
    assert any(line.startswith("`anonynoise bench --quick --only noise` at ") for line in lines)


def test_json_on_standard_output_has_it_to_itself() -> None:
    result = bench("--json", "-", "--only", "noise")
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["results"]) == 2


def test_an_unknown_family_is_refused_in_one_line() -> None:
    result = bench("--only", "noise,luck")
    assert result.exit_code == 2
    assert "'luck' is none of decode, histogram" in result.stderr


def test_a_file_that_cannot_be_written_is_said_before_anything_is_measured(
    tmp_path: Path,
) -> None:
    result = bench("--json", str(tmp_path / "no" / "bench.json"))
    assert result.exit_code != 0
    assert "No such file" in result.stderr


def test_what_was_measured_before_a_failure_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise BenchError("no socket to be had")

    monkeypatch.setattr(end_to_end, "Feeder", fail)
    path = tmp_path / "bench.json"
    result = bench("--json", str(path), "--only", "noise,end-to-end")
    assert result.exit_code == 1
    assert "Error: end-to-end: no socket to be had" in result.stderr
    assert [each["family"] for each in json.loads(path.read_text())["results"]] == ["noise"] * 2


def test_a_ratio_is_a_cost_for_rates_and_for_times() -> None:
    rate = Figure("f", "n", value=50.0, unit="M events/s", floor=100.0, floor_of="-")
    times = Figure("f", "n", value=4.0, unit="ms", floor=2.0, floor_of="-")
    assert rate.ratio == times.ratio == 2


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal(10), 10.0, True),
        (Goal(10), 9.9, False),
        (Goal(5, "at most"), 5.0, True),
        (Goal(5, "at most"), 5.1, False),
        (None, 5.1, None),
    ],
)
def test_a_goal_is_met_or_missed(goal: Goal | None, value: float, met: bool | None) -> None:
    assert Figure("f", "n", value, "ms", None, "-", goal).met is met


def test_a_missing_window_counts_as_the_longest_wait() -> None:
    sent = Sent(started_ns=0, ended_ns=10**9, written_ns=[[10**8 * n for n in range(10)]])
    arrivals = [{n: 10**8 * n + 3_000_000 for n in range(9)}]
    found = end_to_end._round(sent, arrivals)
    assert found.missing == 1
    assert found.latencies_ms == pytest.approx([3.0] * 4 + [1000.0])


@pytest.mark.parametrize("piece_bytes", [1, 7, 1 << 20])
async def test_a_subscriber_counts_whole_messages_however_they_are_cut(piece_bytes: int) -> None:
    sizes = [0x30, 0x1234, 0x12345]
    frames = [
        b"\x82" + bytes([sizes[0]]) + bytes(sizes[0]),
        b"\x89\x02hi",
        b"\x82\x7e" + sizes[1].to_bytes(2) + b"head" + bytes(sizes[1] - 4),
        b"\x82\x7f" + sizes[2].to_bytes(8) + bytes(sizes[2]),
    ]
    stream = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n" + b"".join(frames)
    subscriber = Subscriber("127.0.0.1", "/")
    for at in range(0, len(stream), piece_bytes):
        subscriber.data_received(stream[at : at + piece_bytes])
    assert [size for _, size, _ in subscriber.messages] == sizes
    assert subscriber.messages[1][2] == b"head" + bytes(1020)


@pytest.mark.parametrize("make", [edge_events, uniform_events])
def test_evt3_words_decode_into_the_events_that_they_were_made_of(make: Any) -> None:
    sensor = SensorSize(640, 480)
    events = readout(make(20_000, sensor, 20_000), 50)
    decoder = Evt3Decoder()
    decoded = np.concatenate([*decoder.feed(evt3_stream(events, sensor)), *decoder.finish()])
    assert decoder.sensor == sensor
    assert (decoded == events).all()


def test_synthetic_events_are_the_same_every_time_and_in_order() -> None:
    sensor = SensorSize(128, 128)
    for make in (edge_events, uniform_events):
        events = make(5_000, sensor, 10_000)
        assert (events == make(5_000, sensor, 10_000)).all()
        assert (np.diff(events["t"]) >= 0).all() and events["t"][0] == 0
        assert events["x"].max() < 128 and events["y"].max() < 128


def test_effort_chooses_by_its_kind() -> None:
    assert Effort(quick=False, overload_s=1).choose(10, 1) == 10
    assert Effort(quick=True, overload_s=1).choose(10, 1) == 1
