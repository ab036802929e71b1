"""Camera clocks that count microseconds in 32 bits, and start over after 71.6 minutes."""

import numpy as np
from numpy.typing import NDArray

_TICKS = 1 << 32


class Clock32:
    """Carries a 32-bit clock over its wraps. ``start_us`` is what its zero stands for.

    A fall of at least half of the range is a wrap; a smaller one is time going backwards,
    which is passed on.
    """

    def __init__(self, start_us: int = 0) -> None:
        self._epoch_us = start_us
        self._last = 0

    def extend(self, ticks: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Times in microseconds of the next ``ticks``, shape ``[events]``."""
        t = ticks.astype(np.int64)
        if not len(t):
            return t
        wraps = np.cumsum(np.diff(t, prepend=self._last) <= -(_TICKS // 2))
        self._last = int(t[-1])
        t += self._epoch_us + wraps * _TICKS
        self._epoch_us += int(wraps[-1]) * _TICKS
        return t
