"""AEDAT 3.1."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.aedat31 import Aedat31Decoder
from events.packet import Packet, SensorSize, packet
from tests.events.decoding import (
    any_events,
    assert_any_pieces_decode_the_same,
    cuts,
    decode,
    decode_broken,
    same,
    synthetic,
)
from tests.events.encoders import AEDAT31_HEADER, aedat31_packet, aedat31_polarity
from tests.shared_data import shared

SPECIAL = aedat31_packet(0, bytes(24), size=8, number=3, valid=3)
FRAMES = aedat31_packet(2, bytes(2 * 61), size=61, number=2, valid=2)


def test_a_small_file_made_by_hand():
    decoder = Aedat31Decoder()
    events = decode(decoder, shared("formats/aedat31-tiny.aedat").read_bytes())
    assert len(events) == 12
    same(
        events[[1, 2, 5, 9]],
        packet([25, 38, 102865, 2068981], [10, 120, 15, 127], [20, 59, 19, 127], [0, 1, 1, 0]),
    )
    assert decoder.sensor is None


@given(any_events(1 << 15, 1 << 15, (1 << 31) - 1), cuts, st.integers(0, (1 << 31) - 1))
def test_any_events_in_any_pieces(events: Packet, places: list[int], overflow: int):
    events["t"] += overflow << 31
    data = AEDAT31_HEADER + SPECIAL + aedat31_polarity(events) + FRAMES + aedat31_polarity(events)
    decoder = Aedat31Decoder()
    same(decode(decoder, data, places), np.concatenate([events, events]))
    assert decoder.sensor == SensorSize(128, 128)


def test_pieces_of_a_few_bytes():
    events = synthetic(100, width=128, height=128)
    data = AEDAT31_HEADER + SPECIAL + aedat31_polarity(events) + FRAMES
    assert_any_pieces_decode_the_same(Aedat31Decoder, data)


def test_events_not_marked_valid_are_left_out():
    events = synthetic(100, width=128, height=128)
    valid = np.arange(100) % 3 > 0
    data = AEDAT31_HEADER + aedat31_polarity(events, valid=valid)
    same(decode(Aedat31Decoder(), data), events[valid])


def test_of_two_cameras_the_first_with_events_is_read():
    events = synthetic(10, width=128, height=128)
    other = bytearray(aedat31_polarity(events))
    other[2] = 2
    data = AEDAT31_HEADER + aedat31_polarity(events) + bytes(other) + aedat31_polarity(events)
    same(decode(Aedat31Decoder(), data), np.concatenate([events, events]))


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("eventNumber", (1, 1, 8, 4, 0, 1 << 29, 1 << 29, 1 << 29)),
        ("eventNumber", (2, 1, 2**31 - 1, 4, 0, 2**31 - 1, 2**31 - 1, 0)),
        ("eventNumber", (1, 1, 8, 4, 0, 3, 4, 4)),
        ("eventNumber", (1, 1, 8, 4, 0, -1, -1, -1)),
        ("eventSize", (1, 1, 9, 4, 0, 1, 1, 1)),
        ("eventSize", (3, 1, 0, 4, 0, 1, 1, 1)),
        ("eventTSOffset", (1, 1, 8, 5, 0, 1, 1, 1)),
        ("eventTSOffset", (3, 1, 8, -4, 0, 1, 1, 1)),
        ("eventTSOverflow", (1, 1, 8, 4, -1, 1, 1, 1)),
        ("type", (-3, 1, 8, 4, 0, 1, 1, 1)),
    ],
)
def test_a_packet_that_cannot_be_is_an_error_at_its_place(field: str, values: tuple[int, ...]):
    events = synthetic(10, width=128, height=128)
    before = AEDAT31_HEADER + aedat31_polarity(events)
    decoded, error = decode_broken(Aedat31Decoder(), before + struct.pack("<hhiiiiii", *values))
    same(decoded, events)
    assert (error.offset, error.field) == (len(before), field)


@pytest.mark.parametrize("lost", [1, 8, 79, 80, 81, 107])
def test_a_cut_packet_is_an_error_after_the_events_before_it(lost: int):
    events = synthetic(10, width=128, height=128)
    data = (AEDAT31_HEADER + aedat31_polarity(events))[:-lost]
    decoded, _ = decode_broken(Aedat31Decoder(), data)
    same(decoded, events[: max(10 - (lost + 7) // 8, 0)])


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (AEDAT31_HEADER[:-1], "header"),
        (b"#!AER-DAT3.0\r\n#!END-HEADER\r\n", "version"),
        (b"#!AER-DAT3.1\r\n#Format: SerializedTS\r\n#!END-HEADER\r\n", "Format"),
        (b"#!AER-DAT3.1\r\n" + b"# \r\n" * (1 << 19), "header"),
    ],
)
def test_a_header_that_cannot_be_is_an_error(data: bytes, field: str):
    _, error = decode_broken(Aedat31Decoder(), data)
    assert error.field == field
