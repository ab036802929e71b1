"""``anonynoise info``."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from events.packet import column_digests
from service.commands.info import command
from tests.events.decoding import by_faery, synthetic
from tests.events.encoders import EVT2_HEADER, EVT3_HEADER, evt2_words, evt3_words, text
from tests.shared_data import shared

KEYS = ["format", "width", "height", "events", "on", "off", "t_first_us", "t_last_us"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_a_real_recording():
    path = shared("formats/evt2_sample.raw")
    result = run(path, "--json", "--digest")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    events = by_faery(path)
    assert list(found) == [*KEYS, "sha3_224"]
    assert found["sha3_224"] == column_digests([events])
    assert found["events"] == 539_481
    assert found["on"] == int(events["p"].sum())
    assert found["off"] == 539_481 - found["on"]
    assert (found["t_first_us"], found["t_last_us"]) == (events["t"][0], events["t"][-1])
    assert (found["width"], found["height"]) == (events["x"].max() + 1, events["y"].max() + 1)


def test_the_size_is_the_files_or_the_callers_or_the_extent(tmp_path: Path):
    events = synthetic(100, width=100, height=100)
    stated, silent = tmp_path / "a.raw", tmp_path / "a.txt"
    stated.write_bytes(EVT3_HEADER + evt3_words(events))
    silent.write_bytes(text(events))
    found = json.loads(run(stated, "--json").stdout)
    assert list(found) == KEYS
    assert (found["width"], found["height"]) == (1280, 720)
    assert "extent" not in run(stated).stdout
    found = json.loads(run(silent, "--json").stdout)
    assert (found["width"], found["height"]) == (events["x"].max() + 1, events["y"].max() + 1)
    assert "extent of the events; the file does not say" in run(silent).stdout
    found = json.loads(run(silent, "--json", "--sensor", "640x480").stdout)
    assert (found["width"], found["height"]) == (640, 480)


def test_a_recording_without_events(tmp_path: Path):
    path = tmp_path / "a.raw"
    path.write_bytes(EVT3_HEADER)
    found = json.loads(run(path, "--json").stdout)
    assert (found["events"], found["t_first_us"], found["t_last_us"]) == (0, None, None)
    assert run(path).exit_code == 0


def test_times_in_another_unit(tmp_path: Path):
    path = tmp_path / "a.txt"
    path.write_text("0.5 1 2 1\n1.5 1 2 0\n")
    found = json.loads(run(path, "--json", "--time-unit", "ms").stdout)
    assert (found["t_first_us"], found["t_last_us"]) == (500, 1500)
    result = run(path)
    assert result.exit_code != 0
    assert "line 1" in result.stderr
    assert "--time-unit" in result.stderr


def test_what_was_decoded_is_said_before_the_error(tmp_path: Path):
    events = synthetic(100)
    path = tmp_path / "cut.raw"
    path.write_bytes((EVT2_HEADER + evt2_words(events))[:-1])
    result = run(path, "--json", "--digest")
    assert result.exit_code != 0
    found = json.loads(result.stdout)
    assert found["events"] == 99
    assert found["sha3_224"] == column_digests([np.asarray(events[:-1])])
    assert result.stderr.splitlines() == [
        f"Error: {path}: offset {path.stat().st_size - 3}: the data ends inside a word"
    ]


@pytest.mark.parametrize("content", [None, b"", b"\x00\x01\x02\x03"])
def test_no_recording_is_one_line_and_not_zero(tmp_path: Path, content: bytes | None):
    path = tmp_path / "a"
    if content is not None:
        path.write_bytes(content)
    result = run(path)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert str(path) in result.stderr


def test_a_size_that_is_none_is_an_error(tmp_path: Path):
    assert run(tmp_path / "a", "--sensor", "640").exit_code == 2


def test_help_has_an_example():
    assert "anonynoise info" in run("--help").stdout
