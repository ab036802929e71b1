"""Windows: half-open, back to back, every event in exactly one."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import EventDataError
from events.packet import SensorSize, packet
from events.window import Window, WindowBuilder, WindowSpec

SPEC = WindowSpec(SensorSize(8, 6), bins=5, window_us=100)


def at(*times_us: int):
    return packet(times_us, [1] * len(times_us), [2] * len(times_us), [1] * len(times_us))


def windows_of(builder: WindowBuilder, *packets) -> list[Window]:
    found = [window for events in packets for window in builder.add(events)]
    last = builder.close()
    return found + ([last] if last else [])


def spans(windows: list[Window]) -> list[tuple[int, int, int, int]]:
    return [(w.segment, w.t_start_us, w.t_end_us, w.events) for w in windows]


def test_windows_are_half_open_and_start_at_the_first_event():
    found = windows_of(WindowBuilder(SPEC), at(1000, 1099, 1100, 1199, 1200))
    assert spans(found) == [(1, 1000, 1100, 2), (1, 1100, 1200, 2), (1, 1200, 1300, 1)]
    assert all(w.tensor.shape == (10, 6, 8) and w.tensor.sum() == w.events for w in found)


def test_a_short_pause_gives_empty_windows_back_to_back():
    found = windows_of(WindowBuilder(SPEC, max_gap_us=1000), at(0, 350))
    assert spans(found) == [(1, 0, 100, 1), (1, 100, 200, 0), (1, 200, 300, 0), (1, 300, 400, 1)]


def test_a_gap_starts_a_new_segment():
    found = windows_of(WindowBuilder(SPEC, max_gap_us=1000), at(0, 5000))
    assert spans(found) == [(1, 0, 100, 1), (2, 5000, 5100, 1)]


def test_time_going_backwards_starts_a_new_segment():
    found = windows_of(WindowBuilder(SPEC), at(5000, 5010, 7, 8))
    assert spans(found) == [(1, 5000, 5100, 2), (2, 7, 107, 2)]


def test_a_window_closed_early_is_not_reopened():
    builder = WindowBuilder(SPEC)
    assert list(builder.add(at(0, 20))) == []
    assert spans([builder.close()]) == [(1, 0, 100, 2)]
    assert builder.close() is None
    found = windows_of(builder, at(30, 40, 130))
    assert spans(found) == [(2, 30, 130, 2), (2, 130, 230, 1)]


def test_after_an_early_close_windows_stay_on_their_grid():
    builder = WindowBuilder(SPEC, max_gap_us=1000)
    list(builder.add(at(0)))
    builder.close()
    assert spans(windows_of(builder, at(250))) == [(1, 100, 200, 0), (1, 200, 300, 1)]


def test_data_whose_time_keeps_jumping_back_is_refused_not_turned_into_windows():
    builder = WindowBuilder(SPEC)
    with pytest.raises(EventDataError, match="time: went backwards 65 times"):
        list(builder.add(at(*range(100_000, 0, -100))))


def test_impossible_times_do_not_start_a_segment():
    builder = WindowBuilder(SPEC)
    assert spans(windows_of(builder, at(-5, -3), at(-1, 40))) == [(1, 40, 140, 1)]
    assert builder.outside == 3


@given(
    gaps=st.lists(st.one_of(st.integers(0, 30), st.integers(0, 5000)), max_size=200),
    cuts=st.lists(st.integers(0, 200), max_size=8),
    restarts=st.sets(st.integers(1, 199), max_size=5),
)
def test_every_event_is_in_exactly_one_window_however_packets_are_cut(gaps, cuts, restarts):
    times, now = [], 0
    for index, gap in enumerate(gaps):
        now = gap if index in restarts else now + gap
        times.append(now)
    events = at(*times)
    whole = windows_of(WindowBuilder(SPEC, max_gap_us=1000), events)
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    pieces = [events[a:b] for a, b in itertools.pairwise(edges)]
    cut = windows_of(WindowBuilder(SPEC, max_gap_us=1000), *pieces)
    assert spans(cut) == spans(whole)
    assert sum(w.events for w in whole) == len(events)
    for first, second in itertools.pairwise(whole):
        if first.segment == second.segment:
            assert second.t_start_us == first.t_end_us
    for mine, other in zip(cut, whole, strict=True):
        np.testing.assert_array_equal(mine.tensor, other.tensor)


def test_window_size_in_bytes_does_not_overflow():
    assert WindowSpec(SensorSize(65535, 65535), 1000, 1).nbytes == 4 * 2000 * 65535**2


def test_a_lost_connection_ends_the_segment():
    builder = WindowBuilder(SPEC, segment=4)
    list(builder.add(at(0, 20)))
    assert spans([builder.end_segment()]) == [(5, 0, 100, 2)]
    assert spans(windows_of(builder, at(30))) == [(6, 30, 130, 1)]
