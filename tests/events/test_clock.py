"""Clocks of 32 bits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from events.clock import Clock32


def extend(clock: Clock32, ticks: list[int]) -> list[int]:
    return clock.extend(np.array(ticks, np.uint32)).tolist()


@given(st.lists(st.integers(0, (1 << 31) - 1), max_size=30), st.integers(0, 30))
def test_times_that_rise_come_back_from_their_lower_32_bits(steps: list[int], cut: int):
    times = np.cumsum(np.array(steps, np.int64)).tolist()
    ticks = [t & 0xFFFFFFFF for t in times]
    clock = Clock32()
    assert extend(clock, ticks[:cut]) + extend(clock, ticks[cut:]) == times


def test_a_small_fall_is_passed_on():
    assert extend(Clock32(start_us=100), [50, 40, 60]) == [150, 140, 160]


def test_a_wrap_between_two_pieces():
    clock = Clock32()
    assert extend(clock, [0xFFFFFFFF]) == [0xFFFFFFFF]
    assert extend(clock, [0]) == [1 << 32]
    assert extend(clock, []) == []
    assert extend(clock, [1]) == [(1 << 32) + 1]
