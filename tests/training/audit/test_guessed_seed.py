"""Noise of a guessable seed is told by the generator that made it."""

import random

import numpy as np
import pytest
from numpy.typing import NDArray

from training.audit.guessed_seed import seed_of


def _python(seed: int) -> NDArray[np.float64]:
    drawn = random.Random(seed)
    return np.array([drawn.gauss(0, 1) for _ in range(2000)])


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("numpy.random.RandomState", np.random.RandomState(9).standard_normal(2000)),
        (
            "numpy.random.default_rng (float32)",
            np.random.default_rng(9).standard_normal(2000, np.float32).astype(np.float64),
        ),
        ("random.Random", _python(9)),
    ],
)
def test_every_usual_generator_is_known(name: str, noise: NDArray[np.float64]) -> None:
    blurred = noise + 0.3 * np.random.default_rng(0).normal(size=2000)
    assert seed_of(blurred, range(12)) == f"{name}(9)"
    assert seed_of(np.random.default_rng(10**12).normal(size=2000), range(40)) is None
