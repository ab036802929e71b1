"""What noise must not show: structure within a window, from one to the next, and repetition."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats  # type: ignore[import-untyped]

#: Signs that make a run: two of independent noise agree once in 2**64.
_RUN = 64
#: Cells that the distribution is looked at in: more would see the grid of published values.
_CELLS = 20_000


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of every cell, float64 ``[cells]``, of so many windows."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    windows: int

    def noise(self, published: NDArray[np.float32]) -> NDArray[np.float64]:
        """What of other windows ``[n, cells]`` is noise, in standard deviations."""
        spread = np.where(self.spread > 0, self.spread, np.inf)
        noise: NDArray[np.float64] = (published - self.mean) / spread
        return noise


def moments(batches: Iterable[NDArray[np.float32]]) -> Moments | None:
    """Of every cell over ``batches`` of windows ``[n, cells]``; None for fewer than two windows."""
    origin, total, squares, count = 0.0, np.zeros(0), np.zeros(0), 0
    for batch in batches:
        if not len(batch):
            continue
        if not count:
            # Around the first window: large values would swallow small differences.
            origin = batch[0].astype(np.float64)
            total, squares = np.zeros_like(origin), np.zeros_like(origin)
        apart = batch - origin
        total += apart.sum(axis=0)
        squares += (apart**2).sum(axis=0)
        count += len(batch)
    if count < 2:
        return None
    variance = np.maximum((squares - total**2 / count) / (count - 1), 0)
    return Moments(origin + total / count, np.sqrt(variance), count)


class Serial:
    """Sums of products of noise, and a value of some cells, as windows come by."""

    def __init__(
        self, cells: NDArray[np.int64], windows: int, generator: np.random.Generator
    ) -> None:
        most = min(_CELLS, len(cells))
        #: One value a cell: those of one cell share the error of its mean.
        self._places = np.sort(generator.choice(len(cells), most, replace=False))
        self._window = generator.integers(windows, size=most)
        self._values: list[NDArray[np.float64]] = []
        self._last: NDArray[np.float64] | None = None
        self._count = 0
        #: Sum of products, sum of their squares, how many.
        self._within = np.zeros(3)
        self._between = np.zeros(3)

    @property
    def correlation(self) -> float:
        """Of neighbouring cells."""
        return float(self._within[0] / max(self._within[2], 1))

    def add(self, noise: NDArray[np.float64]) -> None:
        """The next windows ``[n, cells]``."""
        for window in noise:
            self._values.append(window[self._places[self._window == self._count]])
            self._within += _products(window[:-1], window[1:])
            if self._last is not None:
                self._between += _products(self._last, window)
            self._last = window
            self._count += 1

    def p_values(self, learned: int) -> dict[str, float]:
        """Two-sided, of three tests, where mean and deviation are of ``learned`` windows."""
        values = np.concatenate(self._values) if self._values else np.zeros(0)
        if not len(values) or learned < 4:
            return {}
        # Of other windows than the value is of, so this is Student's t and no guess.
        student = values / math.sqrt(1 + 1 / learned)
        # Two windows of a cell share the error of its mean.
        shared = (learned - 1) / (learned - 3) / learned * self._between[2]
        return {
            "distribution": float(stats.kstest(student, "t", (learned - 1,)).pvalue),
            "within_windows": _normal_p(self._within[0], self._within[1]),
            "between_windows": _normal_p(
                self._between[0] - shared, self._between[1] * (1 + 6 / learned)
            ),
        }


def _products(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    products = one * other
    return np.array([products.sum(), (products**2).sum(), len(products)])


def _normal_p(total: float, variance: float) -> float:
    return float(2 * stats.norm.sf(abs(total) / math.sqrt(variance))) if variance else 1.0


def repeated_run(signs: NDArray[np.bool_]) -> bool:
    """Whether 64 signs in a row come twice in ``signs`` ``[n, cells]``, at whatever places."""
    if signs.shape[1] < _RUN:
        return False
    runs = np.zeros((len(signs), signs.shape[1] - _RUN + 1), np.uint64)
    for bit in range(_RUN):
        runs |= signs[:, bit : bit + runs.shape[1]].astype(np.uint64) << np.uint64(bit)
    flat = runs.reshape(-1)
    flat.sort()
    return bool((flat[1:] == flat[:-1]).any())


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """The p-values adjusted for their number (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    adjusted: dict[str, float] = {}
    reached = 0.0
    for place, (name, value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        reached = max(reached, min(1.0, value * (len(p_values) - place)))
        adjusted[name] = reached
    return {name: adjusted[name] for name in p_values}
