"""EVT 3.0."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.evt3 import Evt3Decoder
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
from tests.events.encoders import EVT3_HEADER, evt3_words
from tests.shared_data import shared

_WRAP_US = 1 << 24


def words(*values: int) -> bytes:
    return EVT3_HEADER + np.array(values, "<u2").tobytes()


def test_a_real_recording_decodes_as_faery_decodes_it():
    path = shared("formats/evt3_sample.raw")
    events = decode(Evt3Decoder(), path.read_bytes())
    assert len(events) == 219_596
    same(events, by_faery(path))


def test_a_real_recording_decodes_the_same_in_any_pieces():
    data = shared("formats/evt3_sample.raw").read_bytes()[:20_001]
    random = np.random.default_rng(3)
    whole, _ = decode_broken(Evt3Decoder(), data)
    for _ in range(20):
        places = np.sort(random.integers(0, len(data), 50))
        decoder = Evt3Decoder()
        packets = [
            events.copy()
            for piece in np.split(np.frombuffer(data, np.uint8), places)
            for events in decoder.feed(piece.tobytes())
        ]
        same(np.concatenate(packets), whole)


def test_what_faery_writes_is_what_is_read(tmp_path: Path):
    events = synthetic(20_000, mean_gap_us=9000)
    assert events["t"][-1] > _WRAP_US
    events["t"] += 123_456_789
    write_by_faery(events, tmp_path / "a.raw", "evt3")
    decoder = Evt3Decoder()
    same(decode(decoder, (tmp_path / "a.raw").read_bytes()), events)
    assert decoder.sensor == SensorSize(1280, 720)


@given(any_events(2016, 2048, 5 * _WRAP_US), cuts, st.booleans())
def test_any_events_in_any_pieces(events: Packet, places: list[int], vectors: bool):
    same(decode(Evt3Decoder(), EVT3_HEADER + evt3_words(events, vectors=vectors), places), events)


def test_faery_reads_our_test_encoders_vectors_as_we_do(tmp_path: Path):
    events = synthetic(5000)
    path = tmp_path / "a.raw"
    path.write_bytes(EVT3_HEADER + evt3_words(events))
    same(by_faery(path), events)
    same(decode(Evt3Decoder(), path.read_bytes()), events)


def test_more_events_than_a_packet_holds():
    events = synthetic(200_000)
    same(decode(Evt3Decoder(), EVT3_HEADER + evt3_words(events)), events)


def test_pieces_of_a_few_bytes():
    assert_any_pieces_decode_the_same(Evt3Decoder, EVT3_HEADER + evt3_words(synthetic(300)))


def test_vectors_move_their_base_on():
    data = words(0x8000, 0x6005, 0x0007, 0x3000 | 0x800 | 10, 0x4001, 0x4800, 0x5080, 0x5001)
    expected = packet([5] * 4, [10, 10 + 12 + 11, 10 + 24 + 7, 10 + 32], [7] * 4, [1] * 4)
    same(decode(Evt3Decoder(), data), expected)


def test_the_upper_bits_of_a_vector_of_8_say_nothing():
    same(decode(Evt3Decoder(), words(0x8000, 0x3000, 0x5F01)), packet([0], [0], [0], [0]))


def test_time_goes_on_where_its_counter_wraps():
    events = packet([_WRAP_US - 1, _WRAP_US, 9 * _WRAP_US + 5], [1, 2, 3], [4, 5, 6], [0, 1, 0])
    same(decode(Evt3Decoder(), EVT3_HEADER + evt3_words(events)), events)


def test_time_high_that_falls_a_little_is_passed_on():
    events = decode(Evt3Decoder(), words(0x8100, 0x6001, 0x2000, 0x80FF, 0x6001, 0x2000))
    assert events["t"].tolist() == [0x100001, 0xFF001]


def test_time_low_that_falls_stands_still():
    events = decode(Evt3Decoder(), words(0x8100, 0x6009, 0x2000, 0x6001, 0x2000, 0x600A, 0x2000))
    assert events["t"].tolist() == [0x100009, 0x100009, 0x10000A]


def test_other_words_and_those_before_the_first_time_are_left_out():
    data = words(0x2001, 0x4FFF, 0x8000, 0x1003, 0x7001, 0x9000, 0xA000, 0xE000, 0xF000, 0x2002)
    same(decode(Evt3Decoder(), data), packet([0], [2], [0], [0]))


def test_columns_beyond_any_sensor_stay_in_their_own_field():
    data = words(0x8000, 0x0001, 0x3FFF, *[0x4FFF] * 6000)
    events = decode(Evt3Decoder(), data)
    assert len(events) == 72_000
    assert set(events["y"].tolist()) == {1}
    assert set(events["p"].tolist()) == {1}


def test_a_live_stream_needs_no_header_even_if_it_begins_with_a_percent_sign():
    stream = np.array([0x2025, 0x8001, 0x2025, 0x0A25], "<u2").tobytes()
    assert stream.startswith(b"% ")
    same(decode(Evt3Decoder(headerless=True), stream), packet([4096], [0x25], [0], [0]))


@pytest.mark.parametrize("data", [EVT3_HEADER[:-3], words(0x8000, 0x2000)[:-1]])
def test_a_cut_file_is_an_error(data: bytes):
    _, error = decode_broken(Evt3Decoder(), data)
    assert error.offset is not None
