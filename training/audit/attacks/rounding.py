"""Rounding: counts are whole and not negative, so the nearest such number is the better guess.

The adversary knows that a raw count is a whole number from 0 up, and rounds every published
value to the nearest one. Wherever the noise moved a value by less than a half, that gives the
raw count back. He then asks the attacker who learned on raw windows, and one that went on
learning on rounded windows of people he knows. He succeeds where either finds people again
whom he never saw; the better of the two is reported.

Source: a property of noise added to counts, measured as a share of cells in ``details``.
"""

from typing import cast

import torch
from pydantic import JsonValue
from torch import Tensor

from training.audit.case import Case, sample
from training.audit.findings import Finding
from training.audit.identify import identified
from training.device import device
from training.evaluate import raw_batches
from training.results import summary
from training.seeds import numpy_generator, torch_generator
from training.stages.cover import Cover
from training.stages.recogniser import scaled

NAME = "rounding"


class Rounded(Cover):
    """What ``cover`` publishes, each value as the nearest count (times ``scaling``)."""

    def __init__(self, cover: Cover, scaling: float) -> None:
        super().__init__()
        self.cover = cover
        self.scaling = scaling
        self.name = f"{cover.name}-rounded"
        self.settings = {**cover.settings, "rounded": True}

    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``max(round(y), 0)``, in counts."""
        published = self.cover(windows, generator)
        counts: Tensor = (published / self.scaling).round().clamp(min=0)
        return counts * self.scaling


def attack(case: Case) -> Finding:
    """The better of an attacker who knows raw windows and one who went on with rounded ones."""
    rounded = Rounded(case.cover, case.config.representation.scaling)
    raw_trained = case.raw_attacker()
    epochs = max(1, case.effort.epochs // 2)
    retrained = case.attacker(f"{NAME}/retrained", raw_trained, cover=rounded, epochs=epochs)
    found = {
        name: identified(NAME, case, case.sightings(attacker, cover=rounded))
        for name, attacker in {"raw_trained": raw_trained, "retrained": retrained}.items()
    }
    percent = {
        name: summary(one.identity) for name, one in found.items() if one.identity is not None
    }
    best = max(percent, key=lambda name: (percent[name]["top1"], percent[name]["map"]))
    details = {**found[best].details, "best": best, **percent, **_given_back(case, rounded)}
    return found[best].model_copy(update={"details": cast(dict[str, JsonValue], details)})


@torch.no_grad()
def _given_back(case: Case, rounded: Rounded) -> dict[str, float]:
    """Percent of the cells of a sample that rounding gives back, in all and of those with events.

    Beside it what saying 0 everywhere would get.
    """
    draw = numpy_generator(case.seed, NAME, "sample")
    place = device(case.config.compute)
    noise = torch_generator(place, case.seed, NAME, "noise")
    rounded.to(place)
    right = active = right_active = cells = 0
    windows = sample(case.dataset.test, case.effort.sample, draw)
    for counts in raw_batches(windows, case.config, lambda counts, _: counts):
        guess = (rounded(scaled(counts, case.config), noise) / rounded.scaling).round()
        same, events = guess == counts, counts > 0
        right += int(same.sum())
        right_active += int((same & events).sum())
        active += int(events.sum())
        cells += counts.numel()
    return {
        "cells_given_back": 100 * right / cells,
        "cells_given_back_by_zero": 100 * (1 - active / cells),
        "active_cells_given_back": 100 * right_active / max(1, active),
    }
