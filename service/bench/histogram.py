"""Counting events into a window's histogram on one core, in M events/s."""

from collections.abc import Callable, Iterator

import numpy as np
from numba import njit
from numpy.typing import NDArray

from events.histogram import count_events
from events.packet import Packet, SensorSize
from service.bench.race import race
from service.bench.result import Effort, Goal, Result, Say
from service.bench.synthetic import edge_events, uniform_events

_BINS = 5
_WINDOW_US = 100_000
#: A live decoder hands over about this many at a time: 1 MiB.
_PACKET_EVENTS = 1 << 16
_GOALS = {SensorSize(128, 128): Goal(150), SensorSize(640, 480): Goal(100)}
_SETS: dict[str, Callable[[int, SensorSize, int], Packet]] = {
    "uniform events": uniform_events,
    "moving edges": edge_events,
}


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _increment(cells, counts):  # type: ignore[no-untyped-def]
    for cell in cells:
        counts[cell] += np.uint16(1)


def _cells(events: Packet, out: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Where in ``out``, flattened, each event counts."""
    _, height, width = out.shape
    channel = 2 * (events["t"] * _BINS // _WINDOW_US) + (events["p"] != 0)
    row = channel * height + events["y"]
    cells: NDArray[np.uint32] = (row * width + events["x"]).astype(np.uint32)
    return cells


def measure(effort: Effort, say: Say) -> Iterator[Result]:
    """Yield a result a sensor size and kind of events; uniform ones are held to the goal."""
    count = effort.choose(1_000_000, 50_000)
    for sensor, goal in _GOALS.items():
        for kind, make in _SETS.items():
            size = f"{sensor.width}x{sensor.height}"
            say(f"histogram {size}, {kind}")
            events = make(count, sensor, _WINDOW_US)
            packets = [events[at : at + _PACKET_EVENTS] for at in range(0, count, _PACKET_EVENTS)]
            yield _measure(
                packets,
                sensor,
                name=f"histogram {size}, T={_BINS}, {kind}",
                goal=goal if make is uniform_events else None,
                budget_s=effort.choose(30, 1) / 10,
            )


def _measure(
    packets: list[Packet], sensor: SensorSize, *, name: str, goal: Goal | None, budget_s: float
) -> Result:
    shape = 2 * _BINS, sensor.height, sensor.width
    out, floor_out = np.zeros(shape, np.uint16), np.zeros(shape, np.uint16)
    cells = [_cells(events, floor_out) for events in packets]
    flat = floor_out.reshape(-1)

    def work() -> None:
        for events in packets:
            count_events(events, 0, 0, _WINDOW_US, out)

    def floor() -> None:
        for places in cells:
            _increment(places, flat)

    work()
    floor()
    assert (out == floor_out).all()
    timed = race(work, floor, budget_s=budget_s)
    count = sum(map(len, packets))
    return Result(
        family="histogram",
        name=name,
        value=count / timed.best_s / 1e6,
        unit="M events/s",
        floor=count / timed.best_floor_s / 1e6,
        floor_of="bare increments of cells worked out beforehand",
        goal=goal,
        note=f"{count:,} events in one window",
        details={"events": count, **timed.details()},
    )
