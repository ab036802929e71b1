"""Two pieces of work timed in turn, so that whatever disturbs the machine disturbs both."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

_FEWEST = 3


@dataclass(frozen=True)
class Race:
    """Seconds that each run of the work and of its floor took."""

    work_s: tuple[float, ...]
    floor_s: tuple[float, ...]

    @property
    def best_s(self) -> float:
        """The work's least disturbed run."""
        return min(self.work_s)

    @property
    def best_floor_s(self) -> float:
        """The floor's least disturbed run."""
        return min(self.floor_s)

    def details(self) -> dict[str, float]:
        """What JSON holds besides the best."""
        return {
            "runs": len(self.work_s),
            "median_s": statistics.median(self.work_s),
            "floor_median_s": statistics.median(self.floor_s),
        }


def race(work: Callable[[], object], floor: Callable[[], object], *, budget_s: float) -> Race:
    """Run both in turn for about ``budget_s``, after one run each that does not count."""
    work()
    floor()
    work_s: list[float] = []
    floor_s: list[float] = []
    until_s = time.perf_counter() + budget_s
    while len(work_s) < _FEWEST or time.perf_counter() < until_s:
        for run, times in ((work, work_s), (floor, floor_s)):
            started_s = time.perf_counter()
            run()
            times.append(time.perf_counter() - started_s)
    return Race(tuple(work_s), tuple(floor_s))
