"""How many there were, and the rate over the last few seconds."""

import time
from collections import deque

_SPAN_S = 3.0
_STEP_S = 0.25


class Rate:
    """A total, and counts per second over the last three seconds; a few numbers of memory."""

    def __init__(self) -> None:
        self.total = 0
        self._steps: deque[tuple[float, float]] = deque(maxlen=round(_SPAN_S / _STEP_S) + 1)
        self._started_s = time.monotonic()

    def add(self, count: int) -> None:
        """Count something that happened now."""
        self.total += count
        now_s = time.monotonic()
        if self._steps and now_s - self._steps[-1][0] < _STEP_S:
            first_s, before = self._steps.pop()
            self._steps.append((first_s, before + count))
        else:
            self._steps.append((now_s, count))

    def per_s(self) -> float:
        """The rate now."""
        now_s = time.monotonic()
        recent = sum(count for at_s, count in self._steps if now_s - at_s < _SPAN_S)
        return recent / min(_SPAN_S, max(now_s - self._started_s, _STEP_S))
