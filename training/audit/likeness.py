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
    one, other = guess.double().flatten(1), raw.double().flatten(1)
    one_apart = one - one.mean(1, keepdim=True)
    other_apart = other - other.mean(1, keepdim=True)
    scale = one_apart.norm(dim=1) * other_apart.norm(dim=1)
    together = (one_apart * other_apart).sum(1)
    correlation = torch.where(scale > 0, together / scale.clamp(min=1e-300), 0)
    return Likeness(float((one - other).square().mean()), float(correlation.mean()))


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
