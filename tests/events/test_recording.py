"""Recordings of every format, recognised by their first bytes."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from events.aedat4 import write_aedat4
from events.errors import EventDataError
from events.packet import EVENT, Packet, SensorSize
from events.recording import FORMATS, SniffingDecoder, open_recording, sniff
from tests.events.decoding import cuts, decode, same, synthetic
from tests.events.encoders import (
    AEDAT31_HEADER,
    EVT2_HEADER,
    EVT3_HEADER,
    EVT21_LEGACY_HEADER,
    aedat2_davis346,
    aedat31_polarity,
    dat,
    evt2_words,
    evt3_words,
    evt21_words,
    text,
)
from tests.shared_data import shared

EVENTS = synthetic(400, width=128, height=128)

ENCODERS: dict[str, Callable[[Packet], bytes]] = {
    "aedat2": aedat2_davis346,
    "aedat31": lambda events: AEDAT31_HEADER + aedat31_polarity(events),
    "evt2": lambda events: EVT2_HEADER + evt2_words(events),
    "evt21": lambda events: EVT21_LEGACY_HEADER + evt21_words(events, legacy=True),
    "evt3": lambda events: EVT3_HEADER + evt3_words(events),
    "dat": dat,
    "text": lambda events: b"# sensor 128x128\n" + text(events),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same events in every format, under a name that says nothing."""
    folder = tmp_path_factory.mktemp("formats")
    for name, encode in ENCODERS.items():
        (folder / name).write_bytes(encode(EVENTS))
    write_aedat4(folder / "aedat4", [EVENTS], SensorSize(128, 128))
    return {name: folder / name for name in [*ENCODERS, "aedat4"]}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_recognised_and_read(files: dict[str, Path], name: str):
    recording = open_recording(files[name])
    assert recording.format == name
    assert recording.sensor is not None
    same(np.concatenate(list(recording.packets())), EVENTS)
    assert sniff(files[name].read_bytes()[: 64 << 10]) == name


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_recognised_in_pieces_of_one_byte(files: dict[str, Path], name: str):
    data = files[name].read_bytes()
    decoder = SniffingDecoder()
    same(decode(decoder, data, range(len(data))), EVENTS)
    assert decoder.format == name
    assert decoder.sensor is not None


@given(cuts)
def test_blanks_before_a_text_in_any_pieces(places: list[int]):
    data = b" \n" * 400 + text(EVENTS[:9])
    same(decode(SniffingDecoder(), data, places), EVENTS[:9])


def test_packets_stay_as_they_are(files: dict[str, Path]):
    for name in FORMATS:
        packets = list(open_recording(files[name]).packets())
        same(np.concatenate(packets), EVENTS)
        assert all(events.flags.owndata and events.flags.writeable for events in packets)


def test_the_callers_size_goes_before_the_files(files: dict[str, Path]):
    assert open_recording(files["evt3"], sensor=SensorSize(4, 3)).sensor == SensorSize(4, 3)


@pytest.mark.parametrize(
    ("path", "name", "count", "sensor"),
    [
        ("recordings/dvs128-wave-a.aedat4", "aedat4", 348_461, SensorSize(128, 128)),
        ("recordings/dvs128-walking.aedat", "aedat2", 70_304, SensorSize(128, 128)),
        ("formats/evt2_sample.raw", "evt2", 539_481, None),
        ("formats/evt3_sample.raw", "evt3", 219_596, None),
        ("formats/aedat31-tiny.aedat", "aedat31", 12, None),
    ],
)
def test_real_recordings(path: str, name: str, count: int, sensor: SensorSize | None):
    recording = open_recording(shared(path))
    assert (recording.format, recording.sensor) == (name, sensor)
    assert sum(map(len, recording.packets())) == count


def test_a_texts_time_unit():
    path = shared("event-reid/train/008_c2_065.txt")
    packets = list(open_recording(path, time_unit="ms").packets())
    assert packets[0]["t"][0] == 1_805_211_415_127
    with pytest.raises(EventDataError, match=r"008_c2_065\.txt: line 1: .*--time-unit"):
        open_recording(path)


def test_an_aedat_file_without_header_lines_is_known_by_its_name(tmp_path: Path):
    data = aedat2_davis346(EVENTS)
    records = data[data.rindex(b"\r\n") + 2 :]
    (tmp_path / "a.aedat").write_bytes(records)
    assert open_recording(tmp_path / "a.aedat").format == "aedat2"
    with pytest.raises(EventDataError):
        sniff(records, "a.bin")


def test_what_was_decoded_comes_before_the_error_that_names_the_file(tmp_path: Path):
    path = tmp_path / "cut.raw"
    path.write_bytes((EVT2_HEADER + evt2_words(EVENTS))[:-1])
    recording = open_recording(path)
    packets = []
    with pytest.raises(EventDataError) as caught:
        packets.extend(recording.packets())
    assert str(caught.value).startswith(f"{path}: offset ")
    packets = []
    with pytest.raises(EventDataError):
        for events in recording.packets():
            packets.append(events)
    same(np.concatenate(packets), EVENTS[:-1])


@pytest.mark.parametrize(
    "data", [b"", b"\x00\x01\x02", b"hello", b"#!AER-DAT1.0\r\n", b" " * 5000 + b"1 1 1 1\n", b"%"]
)
def test_what_is_no_recording_is_an_error_that_names_the_file(tmp_path: Path, data: bytes):
    path = tmp_path / "what"
    path.write_bytes(data)
    with pytest.raises(EventDataError) as caught:
        open_recording(path)
    assert str(caught.value).startswith(f"{path}: ")
    for size in (1, 1024, 1 << 20):
        with pytest.raises(EventDataError):
            decode(SniffingDecoder(), data, range(size, len(data), size))


def test_a_missing_file_a_folder_and_a_pipe_are_errors_that_name_it(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path, problem in [
        (tmp_path / "missing", "No such file"),
        (tmp_path, "folder"),
        (tmp_path / "pipe", "no regular file"),
    ]:
        with pytest.raises(EventDataError, match=problem) as caught:
            open_recording(path)
        assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_may_not_be_read_is_an_error(tmp_path: Path):
    path = tmp_path / "secret.raw"
    path.write_bytes(EVT2_HEADER)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    with pytest.raises(EventDataError, match="Permission denied"):
        open_recording(path)


def test_a_header_alone_is_a_recording_of_nothing(tmp_path: Path):
    (tmp_path / "a.raw").write_bytes(EVT3_HEADER)
    recording = open_recording(tmp_path / "a.raw")
    assert list(recording.packets()) == []
    assert recording.sensor == SensorSize(1280, 720)
    same(decode(SniffingDecoder(), EVT3_HEADER), np.zeros(0, EVENT))
