"""White box: run the model backwards.

The adversary has the model's file and solves for the input: of all windows he takes the one
that, sent through the model, comes nearest to what was published, and is itself likely, with
counts that are not negative, mostly zero, and alike in neighbouring cells (maximum a posteriori,
by gradient descent through the graph). The noise he does not know, and takes it to be at its
mean. How strong the prior is he finds out on windows of his own. He succeeds where people are
found again in what he solved for, or where that is nearer to the raw window than the published
one and the mean picture are.

Beside it stands what bounds every such attack, and any that averages or denoises: an attacker
trained on the model's output *without noise*, A(x, 0), which nobody outside ever sees
(``signal_top1`` in ``details``). Of a bounded model it says what the noise has to hide.

A model that decides between a few outputs has no slope to follow, and the likeliest window is all
that he finds. What its decisions tell, ``subspace`` finds out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from pydantic import JsonValue
from torch import Tensor
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from training.audit.case import Case, sample
from training.audit.findings import Finding
from training.audit.identify import identified
from training.audit.likeness import compared, figures, likeness, mean_window
from training.audit.points import points
from training.audit.sessions import alone
from training.audit.sightings import Sightings, without_pictures
from training.audit.signal import Model, Signal, known
from training.checkpoint import load_checkpoint
from training.device import device, threads
from training.evaluate import raw_batches
from training.results import summary
from training.seeds import numpy_generator, torch_generator
from training.stages.cover import standard_normal

NAME = "white-box"

_STEPS = 40
#: Counts that a cell may move in the first step; falls to nothing in the last.
_RATE = 1.0
#: Windows in work at a time, and windows of known people that the prior's strength is tried on.
_BATCH = 8
_TRIED = 8
_STRENGTHS = (0.001, 0.01, 0.03, 0.1, 0.3)
#: Standard deviation of the noise in counts below which a model is taken to have none.
_LEAST_STD = 0.1


@dataclass(frozen=True)
class Prior:
    """How unlikely a window is, in nats: ``sparse`` a count and ``smooth`` a count's difference."""

    sparse: float
    smooth: float

    def nats(self, windows: Tensor) -> Tensor:
        """``[N]`` for windows ``[N, 2T, H, W]`` that are not negative."""
        down = windows.diff(dim=2).abs().sum(dim=(1, 2, 3))
        across = windows.diff(dim=3).abs().sum(dim=(1, 2, 3))
        return self.sparse * windows.sum(dim=(1, 2, 3)) + self.smooth * (down + across)

    def times(self, strength: float) -> "Prior":
        """The same, believed more or less firmly."""
        return Prior(strength * self.sparse, strength * self.smooth)


def attack(case: Case) -> Finding:
    """Solve a sample of test windows and show them to the attacker who knows raw windows.

    An attacker trained on solved windows is not there: he would have to solve thousands.
    Raises :class:`TrainingError` where the model cannot be run backwards, naming the operator.
    """
    draw = numpy_generator(case.seed, NAME, "sample")
    windows = sample(case.dataset.test, case.effort.sample, draw)
    own = sample(case.dataset.train, _TRIED, draw)
    constant = mean_window(case.dataset.train, draw)
    model = known(case.cover, (2, *windows.windows.shape[1:]))
    noise = torch_generator(device(case.config.compute), case.seed, NAME, "noise")
    case.cover.to(noise.device)
    own_raw = torch.cat(list(raw_batches(own, case.config)))
    with torch.no_grad():
        own_covered = case.cover(own_raw, noise)
    scaling = case.config.representation.scaling
    rate = _RATE * scaling
    std = max(noise_std(model, own_raw, noise), _LEAST_STD * scaling)
    prior = learned_prior(own_raw)
    strength = min(
        _STRENGTHS,
        key=lambda one: (
            likeness(solve(model, own_covered, std, prior.times(one), rate), own_raw).mse
        ),
    )

    path = case.raw_attacker()
    attacker = load_checkpoint(path, "reid").network()
    embedding, alike = [], []
    # A few at a time: of all at once, half a dozen copies would be gigabytes.
    for raw in raw_batches(windows, case.config, size=_BATCH):
        with torch.no_grad():
            covered = case.cover(raw, noise)
        solved = solve(model, covered, std, prior.times(strength), rate)
        embedding.append(points(attacker, solved, case.config))
        guess, published, truth = (part.cpu() / scaling for part in (solved, covered, raw))
        alike.append(compared(guess, published, truth, constant))
    found = {
        "windows": len(windows),
        "noise_std": std / scaling,
        "prior_strength": strength,
        **figures("solved", alike),
        **_signal_scores(case, own_raw, path),
    }
    sightings = Sightings(np.concatenate(embedding), without_pictures(windows))
    return identified(NAME, case, sightings, cast(dict[str, JsonValue], found))


@torch.no_grad()
def noise_std(model: Model, windows: Tensor, generator: torch.Generator) -> float:
    """How far the noise moves a published value: a root mean square over ``windows``."""
    noise = standard_normal(windows, generator)
    moved = model(windows, noise) - model(windows, torch.zeros_like(windows))
    return float(moved.square().mean().sqrt())


def learned_prior(windows: Tensor) -> Prior:
    """Of exponential counts and differences with the means that ``windows`` have."""
    count = float(windows.mean())
    step = float((windows.diff(dim=2).abs().mean() + windows.diff(dim=3).abs().mean()) / 2)
    return Prior(sparse=1 / max(count, 1e-3), smooth=1 / max(step, 1e-3))


def solve(model: Model, published: Tensor, std: float, prior: Prior, rate: float) -> Tensor:
    """The likeliest windows behind ``published`` ``[N, 2T, H, W]``, where ``std`` is the noise's.

    The descent begins with an empty window and with the published one; the likelier end
    counts.
    """
    (one, cost), (other, other_cost) = (
        _descended(model, published, start, std, prior, rate)
        for start in (torch.zeros_like(published), published.clamp(min=0))
    )
    return torch.where((cost <= other_cost)[:, None, None, None], one, other)


def _descended(
    model: Model, published: Tensor, begin: Tensor, std: float, prior: Prior, rate: float
) -> tuple[Tensor, Tensor]:
    """Where a descent from ``begin`` ends, and how unlikely that is in nats, ``[N]``."""
    noise = torch.zeros_like(published)

    def cost(windows: Tensor) -> Tensor:
        apart = (published - model(windows, noise)) / std
        return apart.square().sum(dim=(1, 2, 3)) / 2 + prior.nats(windows)

    found = begin.clone().requires_grad_()
    optimizer = Adam([found], lr=rate)
    schedule = LambdaLR(optimizer, lambda step: 1 - step / _STEPS)
    for _ in range(_STEPS):
        # Windows do not know of each other: the sum gives each its own gradient.
        (found.grad,) = torch.autograd.grad(cost(found).sum(), [found])
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            found.clamp_(min=0)
    with torch.no_grad():
        return found.detach(), cost(found)


def _signal_scores(case: Case, windows: Tensor, raw: Path) -> dict[str, float]:
    """What is found out from the model's output without noise."""
    signal = Signal(case.cover, threads(case.config.compute))
    # Where only noise was added, the attacker who knows raw windows is the one.
    same = torch.equal(signal(windows), windows)
    path = raw if same else case.attacker(f"{NAME}/signal", raw, cover=signal)
    scores, _ = alone(case.sightings(path, cover=signal))
    percent = summary(scores)
    return {"signal_top1": percent["top1"], "signal_map": percent["map"]}
