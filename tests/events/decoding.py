"""How the tests of the decoders run them, and what events they run them on."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import faery
import numpy as np
import pytest
from hypothesis import strategies as st

from events.decoder import Decoder
from events.errors import EventDataError
from events.packet import EVENT, Packet, packet


def decode(decoder: Decoder, data: bytes, cuts: Iterable[int] = ()) -> Packet:
    """All events of ``data``, fed in the pieces that ``cuts`` make."""
    packets = []
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        packets += [events.copy() for events in decoder.feed(data[start:end])]
    packets += [events.copy() for events in decoder.finish()]
    return np.concatenate([np.zeros(0, EVENT), *packets])


def decode_broken(decoder: Decoder, data: bytes) -> tuple[Packet, EventDataError]:
    """The events before the error that ``data`` must end in, and the error."""
    packets = [np.zeros(0, EVENT)]
    with pytest.raises(EventDataError) as caught:
        for events in decoder.feed(data):
            packets.append(events.copy())
        for events in decoder.finish():
            packets.append(events.copy())
    assert "\n" not in str(caught.value)
    return np.concatenate(packets), caught.value


def same(actual: Packet, expected: Packet) -> None:
    """Assert that two packets hold the same events."""
    assert len(actual) == len(expected)
    for name in "txyp":
        np.testing.assert_array_equal(actual[name], expected[name])


def by_faery(path: Path) -> Packet:
    """What faery decodes from a file."""
    events = faery.events_stream_from_file(path).to_array()
    return packet(events["t"], events["x"], events["y"], events["on"])


def write_by_faery(
    events: Packet, path: Path, version: str, size: tuple[int, int] = (1280, 720)
) -> None:
    """Have faery write a file for a sensor of ``size``."""
    array = np.zeros(len(events), faery.EVENTS_DTYPE)
    array["t"], array["x"], array["y"], array["on"] = (events[name] for name in "txyp")
    faery.events_stream_from_array(array, dimensions=size).to_file(path, version=version)


def synthetic(
    count: int, *, width: int = 1280, height: int = 720, mean_gap_us: int = 7, seed: int = 1
) -> Packet:
    """Events in order of time, some at the same time and in runs along a row."""
    random = np.random.default_rng(seed)
    gaps = random.integers(0, 2 * mean_gap_us + 1, count) * (random.random(count) < 0.5)
    x = random.integers(0, width, count)
    y = random.integers(0, height, count)
    runs = random.random(count) < 0.5
    for i in np.flatnonzero(runs[1:]) + 1:
        y[i], gaps[i] = y[i - 1], 0
        x[i] = min(x[i - 1] + random.integers(1, 9), width - 1)
    return packet(np.cumsum(gaps), x, y, random.integers(0, 2, count))


def any_events(width: int, height: int, latest_us: int) -> st.SearchStrategy[Packet]:
    """Any few events in order of time."""
    row = st.tuples(
        st.integers(0, latest_us),
        st.integers(0, width - 1),
        st.integers(0, height - 1),
        st.integers(0, 1),
    )
    rows = st.lists(row, max_size=40).map(lambda rows: sorted(rows, key=lambda row: row[0]))
    return rows.map(lambda rows: packet(*zip(*rows, strict=True)) if rows else np.zeros(0, EVENT))


cuts = st.lists(st.integers(0, 1 << 16), max_size=12)


def assert_any_pieces_decode_the_same(make: Callable[[], Decoder], data: bytes) -> None:
    """Assert it for pieces of 1, 2, 3, 5 and 7 bytes."""
    whole = decode(make(), data)
    for size in (1, 2, 3, 5, 7):
        same(decode(make(), data, range(size, len(data), size)), whole)
