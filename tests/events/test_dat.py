"""Prophesee DAT."""

from pathlib import Path

import pytest
from hypothesis import given

from events.dat import DatDecoder
from events.packet import Packet, SensorSize, packet
from tests.events.decoding import (
    any_events,
    assert_any_pieces_decode_the_same,
    by_faery,
    cuts,
    decode,
    decode_broken,
    same,
    synthetic,
    write_by_faery,
)
from tests.events.encoders import dat


@pytest.mark.parametrize("version", ["dat1", "dat2"])
def test_what_faery_writes_is_what_is_read(tmp_path: Path, version: str):
    events = synthetic(20_000, width=304, height=240)
    events["t"] += 12_345
    write_by_faery(events, tmp_path / "a.dat", version, (304, 240))
    decoder = DatDecoder()
    same(decode(decoder, (tmp_path / "a.dat").read_bytes()), events)
    assert decoder.sensor == SensorSize(304, 240)


def test_faery_reads_our_test_encoder_as_we_do(tmp_path: Path):
    events = synthetic(1000, width=640, height=480)
    path = tmp_path / "a.dat"
    path.write_bytes(dat(events))
    same(by_faery(path), events)


@given(any_events(1 << 14, 1 << 14, (1 << 32) - 1), cuts)
def test_any_events_in_any_pieces(events: Packet, places: list[int]):
    same(decode(DatDecoder(), dat(events), places), events)


def test_pieces_of_a_few_bytes():
    assert_any_pieces_decode_the_same(DatDecoder, dat(synthetic(100)))


def test_time_goes_on_where_its_counter_wraps():
    times = [(1 << 32) - 1, 1 << 32, (1 << 32) + (1 << 31), 1 << 33]
    events = packet(times, [1, 2, 3, 4], [4, 5, 6, 7], [0, 1, 0, 1])
    same(decode(DatDecoder(), dat(events)), events)


def test_a_header_without_a_size():
    decoder = DatDecoder(sensor=SensorSize(304, 240))
    events = synthetic(10, width=304, height=240)
    same(decode(decoder, dat(events, header=b"% Data file containing CD events.\n")), events)
    assert decoder.sensor == SensorSize(304, 240)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"% Version 2\n\x0e\x08", "event type"),
        (b"% Version 2\n\x0c\x10", "event size"),
        (b"% Version 3\n\x0c\x08", "version"),
        (b"\x0c\x08" + bytes(80), "header"),
        (b"% Version 2\n\x0c", "header"),
    ],
)
def test_what_is_no_file_of_events_is_an_error(data: bytes, field: str):
    _, error = decode_broken(DatDecoder(), data)
    assert error.field == field


def test_a_cut_event_is_an_error_after_the_events_before_it():
    events = synthetic(50)
    decoded, error = decode_broken(DatDecoder(), dat(events)[:-1])
    same(decoded, events[:-1])
    assert error.offset == len(dat(events)) - 8
