"""AEDAT 2.0."""

import struct

import numpy as np
import pytest
from hypothesis import given

from events.aedat2 import Aedat2Decoder
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
from tests.events.encoders import AEDAT2_HEADER, aedat2_davis346, aedat2_dvs128
from tests.shared_data import shared


def records(*pairs: tuple[int, int]) -> bytes:
    return b"".join(struct.pack(">II", address, t) for address, t in pairs)


def test_a_real_recording_is_read_as_jaer_reads_it():
    data = shared("recordings/dvs128-walking.aedat").read_bytes()
    decoder = Aedat2Decoder()
    events = decode(decoder, data)
    assert decoder.sensor == SensorSize(128, 128)
    # The header's last line ends where a whole number of records starts.
    stated = [struct.unpack(">II", data[i : i + 8]) for i in range(4612, len(data), 8)]
    assert data[:4612].endswith(b"\r\n")
    assert len(events) == len(stated) == 70_304
    address = np.array([address for address, _ in stated])
    assert events["t"].tolist() == [t for _, t in stated]
    np.testing.assert_array_equal(events["x"], 127 - (address & 0xFE) // 2)
    np.testing.assert_array_equal(events["y"], 127 - (address & 0x7F00) // 256)
    np.testing.assert_array_equal(events["p"], 1 - address % 2)


def test_the_person_who_walks_stands_upright():
    events = decode(Aedat2Decoder(), shared("recordings/dvs128-walking.aedat").read_bytes())
    # The person walks away, so that the head sinks from the picture's top towards its middle.
    early, late = events[:4000], events[-4000:]
    picture_top = [np.percentile(part["y"], 10) for part in (early, late)]
    assert picture_top[0] < picture_top[1]


@given(any_events(128, 128, (1 << 32) - 1), cuts)
def test_any_events_of_a_dvs128_in_any_pieces(events: Packet, places: list[int]):
    decoder = Aedat2Decoder()
    same(decode(decoder, aedat2_dvs128(events), places), events)
    assert decoder.sensor == SensorSize(128, 128)


@given(any_events(346, 260, (1 << 32) - 1), cuts)
def test_any_events_of_a_davis346_in_any_pieces(events: Packet, places: list[int]):
    decoder = Aedat2Decoder()
    same(decode(decoder, aedat2_davis346(events), places), events)
    assert decoder.sensor == SensorSize(346, 260)


def test_pieces_of_a_few_bytes():
    events = synthetic(100, width=128, height=128)
    assert_any_pieces_decode_the_same(Aedat2Decoder, aedat2_dvs128(events))


def test_special_events_of_a_dvs128_are_left_out():
    data = AEDAT2_HEADER + records((0x8000, 1), (0x80000000, 2), (0x0201, 3))
    same(decode(Aedat2Decoder(), data), packet([3], [127], [125], [0]))


def test_frames_motion_and_external_events_of_a_davis_are_left_out():
    header = AEDAT2_HEADER + b"# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"
    data = header + records((0x80000000, 1), (0x80000800, 2), (0x400, 3), (0x800, 4))
    same(decode(Aedat2Decoder(), data), packet([4], [239], [179], [1]))


def test_addresses_outside_the_sensor_stay_outside():
    header = AEDAT2_HEADER + b"# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"
    events = decode(Aedat2Decoder(), header + records((500 << 22 | 1000 << 12, 1)))
    assert events["x"][0] >= 240
    assert events["y"][0] >= 180


def test_a_wrap_between_two_events_that_are_left_out():
    data = AEDAT2_HEADER + records((0x8000, (1 << 32) - 1), (0x8000, 0), (1, 1))
    assert decode(Aedat2Decoder(), data)["t"].tolist() == [(1 << 32) + 1]


def test_records_may_begin_as_a_header_line_does():
    data = AEDAT2_HEADER + b"#\x00\x00\x02" + struct.pack(">I", 7) + records((0, 8))
    assert len(decode(Aedat2Decoder(), data)) == 2


def test_the_header_may_say_where_it_ends():
    data = AEDAT2_HEADER + b"#End Of ASCII Header\r\n# 3456\n."
    assert len(decode(Aedat2Decoder(), data)) == 1


def test_no_header_is_a_dvs128():
    decoder = Aedat2Decoder()
    assert len(decode(decoder, records((0, 1), (1, 2)))) == 2
    assert decoder.sensor == SensorSize(128, 128)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"#!AER-DAT2.0\r\n# AEChip: some.Cochlea\r\n", "AEChip"),
        (b"#!AER-DAT1.0\r\n", "version"),
        (b"#!AER-DAT2.0\r\n# cut", "header"),
        (b"#" * (1 << 17), "header"),
        ((b"# " + b"a" * 98 + b"\n") * (1 << 16), "header"),
    ],
)
def test_what_is_no_such_file_is_an_error(data: bytes, field: str):
    _, error = decode_broken(Aedat2Decoder(), data)
    assert error.field == field


def test_a_cut_record_is_an_error_after_the_events_before_it():
    events = synthetic(20, width=128, height=128)
    decoded, _ = decode_broken(Aedat2Decoder(), aedat2_dvs128(events)[:-3])
    same(decoded, events[:-1])
