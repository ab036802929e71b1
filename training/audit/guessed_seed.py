"""Seeds that an attacker can guess: does noise begin with what a usual generator makes of one?"""

import math
import random
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

#: Noise that one seed is recognised by, and how much of it a first look takes.
_KNOWN, _GLANCE = 1024, 48
#: Correlation with a candidate's noise: at a glance, and to be sure (more than 15 deviations).
_LIKELY, _SURE = 0.45, 0.5
#: Seconds back from now that a seed is taken from.
_HOUR_S = 3600


def _numpy(seed: int, size: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(size)


def _numpy_single(seed: int, size: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).standard_normal(size, np.float32)
    return drawn.astype(np.float64)


def _numpy_legacy(seed: int, size: int) -> NDArray[np.float64]:
    return np.random.RandomState(seed % 2**32).standard_normal(size)


def _python(seed: int, size: int) -> NDArray[np.float64]:
    drawn = random.Random(seed)
    return np.array([drawn.gauss(0, 1) for _ in range(size)])


def _torch(seed: int, size: int) -> NDArray[np.float64]:
    # From 16 on, values do not depend on how many are drawn.
    drawn = torch.randn(max(size, 16), generator=torch.Generator().manual_seed(seed))
    return drawn[:size].double().numpy()


#: Standard normals of the usual generators, from a seed and how many.
GENERATORS: dict[str, Callable[[int, int], NDArray[np.float64]]] = {
    "numpy.random.default_rng": _numpy,
    "numpy.random.default_rng (float32)": _numpy_single,
    "numpy.random.RandomState": _numpy_legacy,
    "random.Random": _python,
    "torch.manual_seed": _torch,
}


def candidates(seeds: int) -> list[int]:
    """``seeds`` small ones, the seconds of the last hour, and ``seeds`` milliseconds until now."""
    now_s = time.time()
    second, millisecond = int(now_s), int(now_s * 1000)
    return [
        *range(seeds),
        *range(second - _HOUR_S, second + 1),
        *range(millisecond - seeds, millisecond + 1),
    ]


def seed_of(noise: NDArray[np.float64], seeds: Sequence[int]) -> str | None:
    """The generator and seed that ``noise`` ``[cells]`` begins with, if it is one of ``seeds``."""
    known = noise[:_KNOWN]
    for name, normals in GENERATORS.items():
        for seed in seeds:
            glance = normals(seed, min(_GLANCE, len(known)))
            if _correlation(glance, known[: len(glance)]) < _LIKELY:
                continue
            if _correlation(normals(seed, len(known)), known) > _SURE:
                return f"{name}({seed})"
    return None


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(one @ other / max(math.sqrt(float(one @ one) * float(other @ other)), 1e-300))
