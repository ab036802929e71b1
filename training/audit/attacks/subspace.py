"""Subspace: look only where the model can say anything.

The adversary has the model's file. Over windows of people he knows he works out what it says
without noise, and finds the few directions in which that varies; of published windows he keeps
these alone. Whatever the model repeats over many cells is summed up by that, and the noise of all
others falls away, as far as any linear denoiser can make it. In these coordinates he trains a
small network on other people, with as much noise as he likes, for single windows and for K
consecutive ones added up, and links a group of K (query) with groups of other sessions, in another
light. Success: the same person ranks first more often than by chance. It can really be carried
out, by anybody who has the model, on a laptop.

The directions are the principal components of A(x, 0); for a model whose noise is the same
everywhere no other linear map keeps more of the signal (Eckart and Young, 1936).
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from training.audit.case import Case, chosen, sample
from training.audit.findings import Finding
from training.audit.linker import learned_from, linking
from training.audit.signal import Signal
from training.config import Config
from training.datasets.window_set import WindowSet
from training.device import device, threads
from training.evaluate import raw_batches
from training.seeds import numpy_generator, torch_generator
from training.stages.cover import Cover

NAME = "subspace"

#: Windows that the directions are found in, and the most of these.
_BASIS, _MOST = 512, 128
#: Of the strongest direction's variance: what is weaker is rounding.
_LEAST = 1e-6
#: Windows whose noise is put over all others.
_NOISED = 1000


@dataclass(frozen=True)
class Subspace:
    """Where a model's signal lies: ``mean`` ``[D]`` and orthonormal ``directions`` ``[D, k]``."""

    mean: Tensor
    directions: Tensor

    def __call__(self, windows: Tensor) -> Tensor:
        """Coordinates ``[N, k]`` of ``windows`` ``[N, 2T, H, W]``."""
        return (windows.flatten(1).float() - self.mean) @ self.directions


def attack(case: Case) -> Finding:
    """A curve over the numbers of windows of the suite that every session has."""
    config, test = case.config, case.linked
    draw = numpy_generator(case.seed, NAME, "sample")
    noise = torch_generator(device(config.compute), case.seed, NAME, "noise")
    signal = Signal(case.cover, threads(config.compute))
    where = subspace(signal, sample(case.dataset.train, _BASIS, draw), config)
    train = learned_from(case, draw)
    clean = _coordinates(where, signal, train, config, noise)
    noised = np.sort(draw.permutation(len(train))[:_NOISED])
    covered = _coordinates(where, case.cover, chosen(train, noised), config, noise)
    residual = covered - clean[torch.from_numpy(noised)]
    seen = _coordinates(where, case.cover, test, config, noise)
    curve = linking(case, NAME, clean, residual, train, seen)
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        curve=curve,
        details={"directions": where.directions.shape[1]},
    )


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
def _coordinates(
    where: Subspace, cover: Cover, windows: WindowSet, config: Config, noise: torch.Generator
) -> Tensor:
    """``[N, k]`` of ``windows``, each covered once."""
    cover.to(noise.device)
    return torch.cat([where(cover(batch, noise).cpu()) for batch in raw_batches(windows, config)])
