"""How near an attacker's guess of a raw window is to it, beside guesses that cost nothing."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.audit.case import sample
from training.datasets.window_set import WindowSet

#: Training windows that the mean picture is made of.
_AVERAGED = 512


@dataclass(frozen=True)
class Likeness:
    """Mean squared error in counts, and Pearson's correlation, both means over windows."""

    mse: float
    correlation: float


def likeness(guess: Tensor, raw: Tensor) -> Likeness:
    """Of ``guess`` with ``raw``, both ``[N, 2T, H, W]`` counts; no correlation counts as 0."""
    # One after the other: all of them in float64 would be gigabytes.
    each = [_likeness(one.double(), other.double()) for one, other in zip(guess, raw, strict=True)]
    mse, correlation = np.mean(each, axis=0).tolist()
    return Likeness(mse, correlation)


def _likeness(guess: Tensor, raw: Tensor) -> tuple[float, float]:
    """Mean squared error and correlation of one window."""
    apart, raw_apart = guess - guess.mean(), raw - raw.mean()
    scale = float(apart.norm() * raw_apart.norm())
    correlation = float((apart * raw_apart).sum()) / scale if scale > 0 else 0.0
    return float((guess - raw).square().mean()), correlation


def figures(
    name: str, guess: Tensor, covered: Tensor, raw: Tensor, constant: Tensor
) -> dict[str, float]:
    """For a report: how like ``raw`` is what the attacker made, ``guess``, called ``name``.

    Beside it what he began with (``covered``) and the best that he could say without looking
    at the window (``constant`` ``[2T, H, W]``). All but that ``[N, 2T, H, W]``, in counts.
    """
    guesses = {name: guess, "covered": covered, "constant": constant.expand_as(raw)}
    found = {key: likeness(value, raw) for key, value in guesses.items()}
    return {f"mse_{key}": one.mse for key, one in found.items()} | {
        f"correlation_{key}": one.correlation for key, one in found.items()
    }


def mean_window(windows: WindowSet, generator: np.random.Generator) -> Tensor:
    """The best constant: the mean of a sample of ``windows``, float32 ``[2T, H, W]``, counts."""
    drawn = np.asarray(sample(windows, _AVERAGED, generator).windows)
    return torch.from_numpy(drawn.mean(axis=0, dtype=np.float32))
