"""Playing a recording: every event once, in order, when it is due."""

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from events.packet import packet
from service import pace as pace_module
from service.pace import pace, slices


@given(
    times=st.lists(st.integers(0, 10_000), max_size=300),
    step_us=st.integers(1, 5000),
    most=st.integers(1, 50),
)
def test_slices_lose_nothing_and_keep_order(times, step_us, most):
    events = packet(times, range(len(times)), [0] * len(times), [0] * len(times))
    cut = list(slices([events[: len(times) // 2], events[len(times) // 2 :]], step_us, most))
    joined = np.concatenate([events[:0], *cut])
    np.testing.assert_array_equal(joined, events)
    for piece in cut:
        assert 0 < len(piece) <= most
        assert len(set(piece["t"] // step_us)) == 1


async def test_events_come_when_they_are_due(monkeypatch):
    slept: list[float] = []
    now = asyncio.get_running_loop().time()

    async def sleep(delay_s: float) -> None:
        slept.append(round(delay_s, 2))

    monkeypatch.setattr(pace_module.asyncio, "sleep", sleep)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    times = [5_000_000, 6_000_000, 6_500_000, 60_000_000, 60_500_000, 1_000, 1_001_000]
    events = packet(times, [0] * 7, [0] * 7, [0] * 7)
    assert sum([len(piece) async for piece in pace([events], speed=2.0)]) == 7
    # A leap of the clock forward or back is not waited for.
    assert slept == [0, 0.5, 0.75, 0, 0.25, 0, 0.5]


async def test_without_a_speed_nothing_is_waited_for(monkeypatch):
    monkeypatch.setattr(pace_module.asyncio, "sleep", None)
    events = packet([0, 10**9], [0, 0], [0, 0], [0, 0])
    assert len([piece async for piece in pace([events], speed=None)]) == 2
