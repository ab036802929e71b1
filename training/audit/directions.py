"""Where a model's signal lies: the few directions in which what it says varies.

They are the principal components of A(x, 0); for a model whose noise is the same everywhere no
other linear map keeps more of the signal (Eckart and Young, 1936).
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from training.audit.case import Case, sample
from training.audit.linker import learned_from
from training.audit.signal import Signal
from training.config import Config
from training.datasets.window_set import WindowSet
from training.device import device, threads
from training.evaluate import at_once, raw_batches
from training.seeds import numpy_generator, torch_generator
from training.stages.cover import Cover

#: Windows of known people that are enough to find them in.
_BASIS = 512
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


@dataclass(frozen=True)
class Coordinates:
    """All that a case's cover says, ``[N, k]`` each, in the directions of its signal."""

    #: Whole sessions of people whom the attacker knows, without noise and covered once.
    train: WindowSet
    clean: Tensor
    covered: Tensor
    #: Of ``case.linked``, as it is published.
    seen: Tensor


@lru_cache(maxsize=4)
def coordinates(case: Case) -> Coordinates:
    """What several attacks on a ``case`` look at: of one published window there is one draw."""
    config = case.config
    draw = numpy_generator(case.seed, "subspace", "sample")
    noise = torch_generator(device(config.compute), case.seed, "subspace", "noise")
    signal = Signal(case.cover, threads(config.compute))
    where = subspace(signal, sample(case.dataset.train, _BASIS, draw), config)
    train = learned_from(case, draw)
    return Coordinates(
        train=train,
        clean=_said(where, signal, train, config, noise),
        covered=_said(where, case.cover, train, config, noise),
        seen=_said(where, case.cover, case.linked, config, noise),
    )


@torch.no_grad()
def subspace(signal: Cover, windows: WindowSet, config: Config) -> Subspace:
    """The principal directions of ``signal`` over ``windows``; one at least."""
    # Filled part by part: put together at the end it would be there twice.
    said = torch.empty(len(windows), math.prod(windows.windows.shape[1:]))
    parts = torch.split(said, at_once(config))
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
def _said(
    where: Subspace, cover: Cover, windows: WindowSet, config: Config, noise: torch.Generator
) -> Tensor:
    """``[N, k]`` of ``windows``, each covered once."""
    cover.to(noise.device)
    return torch.cat([where(cover(batch, noise).cpu()) for batch in raw_batches(windows, config)])
