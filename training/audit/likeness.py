"""How near an attacker's guess of a raw window is to it, beside guesses that cost nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.audit.case import sample
from training.datasets.window_set import WindowSet

#: ``[N, 3, 2]``: of each window the guess, what was begun with, and the constant; of each its
#: mean squared error and its correlation.
Compared = NDArray[np.float64]

#: Training windows that the mean picture is made of.
_AVERAGED = 512


@dataclass(frozen=True)
class Likeness:
    """Mean squared error in counts, and Pearson's correlation, both means over windows."""

    mse: float
    correlation: float


def likeness(guess: Tensor, raw: Tensor) -> Likeness:
    """Of ``guess`` with ``raw``, both ``[N, 2T, H, W]`` counts; no correlation counts as 0."""
    mse, correlation = _each(guess, raw).mean(axis=0).tolist()
    return Likeness(mse, correlation)


def _each(guess: Tensor, raw: Tensor) -> NDArray[np.float64]:
    """Mean squared error and correlation of each window, ``[N, 2]``."""
    # One after the other: all of them in float64 would be gigabytes.
    pairs = zip(guess, raw, strict=True)
    return np.array([_likeness(one.double(), other.double()) for one, other in pairs])


def _likeness(guess: Tensor, raw: Tensor) -> tuple[float, float]:
    """Mean squared error and correlation of one window."""
    apart, raw_apart = guess - guess.mean(), raw - raw.mean()
    scale = float(apart.norm() * raw_apart.norm())
    correlation = float((apart * raw_apart).sum()) / scale if scale > 0 else 0.0
    return float((guess - raw).square().mean()), correlation


def compared(guess: Tensor, covered: Tensor, raw: Tensor, constant: Tensor) -> Compared:
    """How like ``raw`` is what the attacker made, ``guess``, window by window.

    Beside it what he began with (``covered``) and the best that he could say without looking
    at the window (``constant`` ``[2T, H, W]``). All but that ``[N, 2T, H, W]``, in counts.
    """
    guesses = (guess, covered, constant.expand_as(raw))
    return np.stack([_each(one, raw) for one in guesses], axis=1)


def figures(name: str, parts: Iterable[Compared]) -> dict[str, float]:
    """For a report: means over all windows in ``parts``; the guess is called ``name``."""
    mse, correlation = np.concatenate(list(parts)).mean(axis=0).T.tolist()
    keys = (name, "covered", "constant")
    return {f"mse_{key}": value for key, value in zip(keys, mse, strict=True)} | {
        f"correlation_{key}": value for key, value in zip(keys, correlation, strict=True)
    }


def mean_window(windows: WindowSet, generator: np.random.Generator) -> Tensor:
    """The best constant: the mean of a sample of ``windows``, float32 ``[2T, H, W]``, counts."""
    drawn = np.asarray(sample(windows, _AVERAGED, generator).windows)
    return torch.from_numpy(drawn.mean(axis=0, dtype=np.float32))
