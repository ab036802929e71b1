"""Where a model's signal lies: the few directions in which what it says varies."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from training.config import Config
from training.datasets.window_set import WindowSet
from training.evaluate import raw_batches
from training.stages.cover import Cover

#: Windows of known people that are enough to find them in.
BASIS = 512
#: The most of them.
_MOST = 128
#: Of the strongest direction's variance: what is weaker is rounding.
_LEAST = 1e-6


@dataclass(frozen=True)
class Subspace:
    """Where a model's signal lies: ``mean`` ``[D]`` and orthonormal ``directions`` ``[D, k]``."""

    mean: Tensor
    directions: Tensor

    def __call__(self, windows: Tensor) -> Tensor:
        """Coordinates ``[N, k]`` of ``windows`` ``[N, 2T, H, W]``."""
        return (windows.flatten(1).float() - self.mean) @ self.directions


@torch.no_grad()
def subspace(signal: Cover, windows: WindowSet, config: Config) -> Subspace:
    """The principal directions of ``signal`` over ``windows``; one at least."""
    # Filled part by part: put together at the end it would be there twice.
    said = torch.empty(len(windows), math.prod(windows.windows.shape[1:]))
    parts = torch.split(said, config.evaluation.batch_size)
    for part, batch in zip(parts, raw_batches(windows, config), strict=True):
        part.copy_(signal(batch).flatten(1))
    mean = said.mean(dim=0)
    said -= mean
    # Of as many windows as there are, and not of all cells, of which there are many more.
    variance, mixes = torch.linalg.eigh((said @ said.T).double())
    variance, mixes = variance.flip(0), mixes.flip(1)
    kept = min(_MOST, max(1, int((variance > _LEAST * variance[0]).sum())))
    directions = said.T @ mixes[:, :kept].float()
    # A signal that never changes has no direction: one in which nothing lies will do.
    length = directions.norm(dim=0).clamp(min=1e-12)
    return Subspace(mean=mean, directions=directions / length)


@torch.no_grad()
def coordinates(
    where: Subspace, cover: Cover, windows: WindowSet, config: Config, noise: torch.Generator
) -> Tensor:
    """``[N, k]`` of ``windows``, each covered once."""
    cover.to(noise.device)
    return torch.cat([where(cover(batch, noise).cpu()) for batch in raw_batches(windows, config)])
