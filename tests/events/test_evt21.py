"""EVT 2.1, in both orders of its words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.evt21 import Evt21Decoder, WordOrder
from events.packet import Packet, packet
from tests.events.decoding import (
    any_events,
    assert_any_pieces_decode_the_same,
    cuts,
    decode,
    decode_broken,
    same,
    synthetic,
)
from tests.events.encoders import EVT21_HEADER, EVT21_LEGACY_HEADER, evt21_words

_WRAP_US = 1 << 34


def encoded(events: Packet, *, legacy: bool) -> bytes:
    header = EVT21_LEGACY_HEADER if legacy else EVT21_HEADER
    return header + evt21_words(events, legacy=legacy)


@given(any_events(2016, 2048, 3 * _WRAP_US), cuts, st.booleans())
def test_any_events_in_any_pieces(events: Packet, places: list[int], legacy: bool):
    same(decode(Evt21Decoder(), encoded(events, legacy=legacy), places), events)


@pytest.mark.parametrize("legacy", [False, True])
def test_vectors_in_pieces_of_a_few_bytes(legacy: bool):
    events = synthetic(500)
    data = encoded(events, legacy=legacy)
    same(decode(Evt21Decoder(), data), events)
    assert_any_pieces_decode_the_same(Evt21Decoder, data)


def test_the_documented_words():
    """Bytes of each order, as Prophesee's page "EVT 2.1 Format" shows them, by hand."""
    time_high = 0x8000_0001_0000_0000
    on = 0x1 << 60 | 5 << 54 | 64 << 43 | 9 << 32 | 1 << 31 | 0b101
    words = np.array([time_high, on], "<u8")
    expected = packet([69, 69, 69], [64, 66, 95], [9, 9, 9], [1, 1, 1])
    same(decode(Evt21Decoder(), EVT21_HEADER + words.tobytes()), expected)
    halves = words.view("<u4").reshape(-1, 2)[:, ::-1].tobytes()
    same(decode(Evt21Decoder(), EVT21_LEGACY_HEADER + halves), expected)


@pytest.mark.parametrize("order", ["little", "legacy"])
def test_a_live_stream_needs_no_header(order: WordOrder):
    events = synthetic(50)
    decoder = Evt21Decoder(headerless=True, word_order=order)
    same(decode(decoder, evt21_words(events, legacy=order == "legacy")), events)


def test_time_goes_on_where_its_counter_wraps():
    events = packet([_WRAP_US - 1, _WRAP_US, 2 * _WRAP_US + 5], [1, 2, 3], [4, 5, 6], [0, 1, 0])
    same(decode(Evt21Decoder(), encoded(events, legacy=False)), events)


def test_other_words_are_left_out():
    skipped = np.array([0xA << 60, 0xE << 60, 0xF << 60], "<u8").tobytes()
    events = synthetic(50)
    same(decode(Evt21Decoder(), encoded(events, legacy=False) + skipped), events)


def test_an_order_that_is_not_known_is_an_error():
    header = b"% format EVT21;endianness=middle\n% end\n"
    _, error = decode_broken(Evt21Decoder(), header)
    assert error.field == "endianness"


def test_a_cut_word_is_an_error():
    events = synthetic(50)
    decoded, _ = decode_broken(Evt21Decoder(), encoded(events, legacy=False) + b"\1\2\3")
    same(decoded, events)
