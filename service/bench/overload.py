"""Memory of a service that gets windows at twice the rate at which it can anonymize them.

Windows of 640x480 are few events each and follow each other faster than in life, so that a
small machine can overload itself: first the service shows how many windows a second it
publishes when it gets too many, then it gets twice as many for minutes, while one subscriber
reads.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import websockets

from models.anonymizer import load_anonymizer
from models.repository import BASELINE_MODEL
from service.bench.feeder import Feeder, Rig, Run
from service.bench.loop import run
from service.bench.result import BenchError, Effort, Goal, Result, Say
from service.bench.served import Served

_RIG = Rig(cameras=4, width=640, height=480, packet_events=1000, packet_us=100_000)
#: Of the capacity that a short measurement finds; over minutes more is published than in it, and
#: at least twice that is wanted.
_OVERLOAD = 2.5
_GOAL = Goal(1.10, "at most")
_WARM_UP = 0.2
_SAMPLE_S = 0.25
_SLACK_S = 60.0


@dataclass(frozen=True)
class _Counts:
    """Windows of all cameras since the start."""

    closed: int
    published: int
    dropped: int

    @classmethod
    def of(cls, served: Served) -> "_Counts":
        statuses = [served.camera(n) for n in range(_RIG.cameras)]
        return cls(
            closed=sum(status["seq"] for status in statuses),
            published=sum(status["windows"] for status in statuses),
            dropped=sum(sum(status["dropped"].values()) for status in statuses),
        )

    def since(self, before: "_Counts") -> "_Counts":
        return _Counts(
            self.closed - before.closed,
            self.published - before.published,
            self.dropped - before.dropped,
        )


def measure(effort: Effort, say: Say) -> Iterator[Result]:
    """Yield the one result."""
    yield run(_measure(effort, say))


async def _measure(effort: Effort, say: Say) -> Result:
    say("overload: how fast is the anonymizer?")
    # Any number well above what the service manages does, and this is cheaper to find.
    saturating = 3 * _bare_rate()
    with Feeder(_RIG) as feeder, Served(feeder.ports) as served:
        reading = asyncio.create_task(_read(served.url))
        try:
            capacity = await _capacity(feeder, served, saturating, effort.choose(60, 16))
            counts, seconds, late_s, samples = await _feed(
                feeder,
                served,
                _OVERLOAD * capacity,
                effort.overload_s,
                lambda passed_s: say(f"overload: {passed_s:.0f} of {effort.overload_s:.0f} s"),
            )
            if reading.done():
                raise BenchError("the subscriber was turned away")
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    return _result(counts, seconds, late_s, capacity, samples)


async def _capacity(feeder: Feeder, served: Served, windows_per_s: float, enough: int) -> float:
    """Windows a second that the service publishes, over ``enough`` of them, given too many."""
    published, seconds, warm = 0, 0.0, False
    deadline_s = time.monotonic() + _SLACK_S
    while published < enough:
        if time.monotonic() > deadline_s:
            raise BenchError(f"the service published {published} windows in {_SLACK_S:g} s")
        counts, passed_s, _, _ = await _feed(feeder, served, windows_per_s, 1, lambda _: None)
        # Counting starts behind the first windows, which come late and all at once.
        if warm:
            published += counts.published
            seconds += passed_s
        warm = warm or counts.published > 0
    return published / seconds


def _bare_rate() -> float:
    """Windows a second of the anonymizer alone."""
    anonymizer = load_anonymizer(BASELINE_MODEL)
    shape = (1, anonymizer.manifest.channels, _RIG.height, _RIG.width)
    windows = np.ones(shape, np.uint16)
    anonymizer.anonymize(windows)
    started_s = time.perf_counter()
    runs = 5
    for _ in range(runs):
        anonymizer.anonymize(windows)
    return runs / (time.perf_counter() - started_s)


async def _read(url: str) -> None:
    base = url.replace("http", "ws", 1)
    async with websockets.connect(
        f"{base}/v1/cameras/0/windows", compression=None, max_size=None, max_queue=2
    ) as socket:
        async for _ in socket:
            pass


async def _feed(
    feeder: Feeder,
    served: Served,
    windows_per_s: float,
    seconds: float,
    say_s: Callable[[float], None],
) -> tuple[_Counts, float, float, list[tuple[float, int]]]:
    """Send so many windows; what became of them, in how many seconds, lateness, memory."""
    per_camera_s = windows_per_s / _RIG.cameras
    wanted = Run(max(1, round(per_camera_s * seconds)), per_camera_s, window_packets=1)
    before, started_s = _Counts.of(served), time.monotonic()
    feeding = asyncio.create_task(asyncio.to_thread(feeder.run, wanted, seconds + _SLACK_S))
    samples = []
    said_s = 0.0
    while not feeding.done():
        passed_s = time.monotonic() - started_s
        samples.append((passed_s, served.rss_bytes()))
        if passed_s - said_s >= 1:
            say_s(passed_s)
            said_s = passed_s
        await asyncio.wait({feeding}, timeout=_SAMPLE_S)
    counts = _Counts.of(served).since(before)
    passed_s = time.monotonic() - started_s
    sent = await feeding
    return counts, passed_s, sent.late_s, samples


def _result(
    counts: _Counts,
    seconds: float,
    late_s: float,
    capacity: float,
    samples: list[tuple[float, int]],
) -> Result:
    at_s, rss = np.array(samples, float).T
    end = at_s[-1]
    # Memory goes up and down with every window: peaks are compared with peaks.
    warmed_up = rss[(at_s >= _WARM_UP / 2 * end) & (at_s <= _WARM_UP * end)]
    later = at_s > _WARM_UP * end
    if not len(warmed_up) or later.sum() < 2:
        raise BenchError("the overload was too short to sample memory")
    slope = float(np.polyfit(at_s[later], rss[later], 1)[0])
    factor = counts.closed / max(1, counts.published)
    return Result(
        family="overload",
        name=f"memory after {seconds:.0f} s of overload, against memory after warm-up",
        value=float(rss[later].max() / warmed_up.max()),
        unit="x",
        floor=1.0,
        floor_of="memory that does not grow, by definition",
        goal=_GOAL,
        note=(
            f"{counts.closed} windows, {factor:.2f} times what was published; "
            f"{counts.dropped} dropped and counted; peak {rss[later].max() / 2**20:.0f} MiB"
        ),
        details={
            "seconds": seconds,
            "capacity_windows_per_s": capacity,
            "windows_closed": counts.closed,
            "windows_published": counts.published,
            "windows_dropped": counts.dropped,
            "overload_factor": factor,
            "feeder_late_s": late_s,
            "rss_first_mib": float(rss[0]) / 2**20,
            "rss_warm_peak_mib": float(warmed_up.max()) / 2**20,
            "rss_warm_median_mib": float(np.median(warmed_up)) / 2**20,
            "rss_later_peak_mib": float(rss[later].max()) / 2**20,
            "rss_later_median_mib": float(np.median(rss[later])) / 2**20,
            "rss_growth_mib_per_minute": 60 * slope / 2**20,
        },
    )
