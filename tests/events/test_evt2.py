"""EVT 2.0."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from events.evt2 import Evt2Decoder
from events.packet import EVENT, Packet, SensorSize, packet
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
from tests.events.encoders import EVT2_HEADER, evt2_words
from tests.shared_data import shared

_WRAP_US = 1 << 34


def test_a_real_recording_decodes_as_faery_decodes_it():
    path = shared("formats/evt2_sample.raw")
    events = decode(Evt2Decoder(), path.read_bytes())
    assert len(events) == 539_481
    same(events, by_faery(path))


def test_what_faery_writes_is_what_is_read(tmp_path: Path):
    events = synthetic(20_000)
    events["t"] += 123_456_789
    write_by_faery(events, tmp_path / "a.raw", "evt2")
    decoder = Evt2Decoder()
    same(decode(decoder, (tmp_path / "a.raw").read_bytes()), events)
    assert decoder.sensor == SensorSize(1280, 720)


@given(any_events(2048, 2048, 3 * _WRAP_US), cuts)
def test_any_events_in_any_pieces(events: Packet, places: list[int]):
    same(decode(Evt2Decoder(), EVT2_HEADER + evt2_words(events), places), events)


def test_pieces_of_a_few_bytes():
    assert_any_pieces_decode_the_same(Evt2Decoder, EVT2_HEADER + evt2_words(synthetic(300)))


def test_time_goes_on_where_its_counter_wraps():
    events = packet([_WRAP_US - 1, _WRAP_US, 2 * _WRAP_US + 5], [1, 2, 3], [4, 5, 6], [0, 1, 0])
    same(decode(Evt2Decoder(), EVT2_HEADER + evt2_words(events)), events)


def test_time_that_falls_a_little_is_passed_on():
    words = np.array([0x8000_0100, 0x0, 0x8000_00FF, 0x0], "<u4").tobytes()
    events = decode(Evt2Decoder(), EVT2_HEADER + words)
    assert events["t"].tolist() == [0x100 << 6, 0xFF << 6]


def test_other_words_and_those_before_the_first_time_are_left_out():
    skipped = np.array([0x1000_0000, 0xA000_0001, 0xE000_0000, 0xF123_4567], "<u4").tobytes()
    events = synthetic(50)
    same(decode(Evt2Decoder(), EVT2_HEADER + skipped + evt2_words(events) + skipped[4:]), events)


def test_a_live_stream_needs_no_header():
    events = synthetic(50)
    sensor = SensorSize(640, 480)
    decoder = Evt2Decoder(headerless=True, sensor=sensor)
    same(decode(decoder, evt2_words(events)), events)
    assert decoder.sensor == sensor
    decoder = Evt2Decoder(headerless=True, sensor=sensor)
    same(decode(decoder, EVT2_HEADER + evt2_words(events)), events)
    assert decoder.sensor == SensorSize(1280, 720)


def test_a_file_needs_a_header():
    _, error = decode_broken(Evt2Decoder(), evt2_words(synthetic(50)))
    assert error.field == "header"


def test_a_header_of_another_encoding_is_an_error():
    _, error = decode_broken(Evt2Decoder(), b"% evt 3.0\n% end\n")
    assert error.field == "encoding"


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_cut_word_is_an_error_after_the_events_before_it(lost: int):
    events = synthetic(50)
    data = EVT2_HEADER + evt2_words(events)
    decoded, error = decode_broken(Evt2Decoder(), data[:-lost])
    same(decoded, events[:-1])
    assert error.offset == len(data) - 4


def test_data_that_never_says_the_time_is_an_error():
    decoded, error = decode_broken(Evt2Decoder(), EVT2_HEADER + bytes(400))
    assert len(decoded) == 0
    assert error.field == "time"


def test_a_header_alone_holds_no_events():
    same(decode(Evt2Decoder(), EVT2_HEADER), np.zeros(0, EVENT))
