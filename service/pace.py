"""Plays recorded packets at the speed at which they were recorded."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import pairwise

import numpy as np

from events.packet import Packet

#: A jump of the recording's clock by more than this, or backwards, is not waited for.
_LONGEST_WAIT_US = 2_000_000
_END = object()


def slices(packets: Iterable[Packet], step_us: int, most: int) -> Iterator[Packet]:
    """Cut packets where event time crosses a multiple of ``step_us``, and at ``most`` events."""
    for events in packets:
        steps = np.flatnonzero(np.diff(events["t"] // step_us)) + 1
        edges = [0, *steps.tolist(), len(events)]
        for start, stop in pairwise(edges):
            for first in range(start, stop, most):
                yield events[first : min(first + most, stop)]


async def pace(
    packets: Iterable[Packet],
    *,
    speed: float | None = 1.0,
    step_us: int = 5_000,
    most: int = 8_192,
) -> AsyncIterator[Packet]:
    """Yield slices of ``packets`` when their first event is due; ``speed`` None waits for nothing.

    Reading happens in a thread, so that a slow disk does not hold the event loop.
    """
    loop = asyncio.get_running_loop()
    pieces = slices(packets, step_us, most)
    origin_us: int | None = None
    origin_s = 0.0
    last_us = 0
    while (events := await asyncio.to_thread(next, pieces, _END)) is not _END:
        assert isinstance(events, np.ndarray)
        first_us, end_us = int(events["t"][0]), int(events["t"][-1])
        if speed is not None:
            if origin_us is None or not 0 <= first_us - last_us <= _LONGEST_WAIT_US:
                origin_us, origin_s = first_us, loop.time()
            due_s = origin_s + (first_us - origin_us) / 1e6 / speed
            await asyncio.sleep(max(0.0, due_s - loop.time()))
        last_us = end_us
        yield events
