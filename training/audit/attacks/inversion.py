"""Inversion: undo the cover with a network that has seen pairs, then recognise people.

The adversary has recordings of his own and runs the deployed model on them, so he has any
number of pairs of covered and raw windows, each with fresh noise, of people that he knows. He
trains a denoiser from covered to raw windows together with an attacker behind it that begins
with what it knows of raw windows, and looks at the published windows of people whom he never
saw. He succeeds where he finds people again, and where the denoised windows are nearer to the
raw ones than the mean picture is, which anyone can hand in without looking.

Source: AnonyNoise (WACV 2025), Sec. 5.6 and Appendix C.
"""

from typing import cast

import torch
from pydantic import JsonValue
from torch import nn

from training.audit.case import Case, sample
from training.audit.findings import Finding
from training.audit.identify import identified
from training.audit.likeness import figures, mean_window
from training.audit.sightings import Sightings, without_pictures
from training.checkpoint import load_checkpoint
from training.device import device
from training.errors import TrainingError
from training.evaluate import outputs, raw_batches
from training.seeds import numpy_generator, torch_generator

NAME = "inversion"


def attack(case: Case) -> Finding:
    """People found again through the denoiser, and how like raw windows its output is.

    Raises :class:`TrainingError` where ``case.effort.inversion_epochs`` is 0.
    """
    epochs = case.effort.inversion_epochs
    if epochs == 0:
        raise TrainingError("has no epochs in this suite", source=NAME)
    stage = f"{case.name}/{NAME}"
    case.run.recognised(
        stage, "reid", case.cover, case.raw_attacker(), case.fit(epochs), denoise=True
    )
    folder = case.run.folder / stage
    denoiser = load_checkpoint(folder / "denoiser.pt", "denoiser").network()
    attacker = load_checkpoint(folder / "reid.pt", "reid").network()
    test = case.dataset.test
    points = outputs(
        "reid", nn.Sequential(denoiser, attacker), case.cover, test, case.config, case.seed
    )
    sightings = Sightings(points.numpy(), without_pictures(test))
    return identified(NAME, case, sightings, details=_pictures(case, denoiser))


@torch.no_grad()
def _pictures(case: Case, denoiser: nn.Module) -> dict[str, JsonValue]:
    """How like raw windows a sample of denoised ones is."""
    draw = numpy_generator(case.seed, NAME, "sample")
    windows = sample(case.dataset.test, case.effort.sample, draw)
    constant = mean_window(case.dataset.train, draw)
    place = device(case.config.compute)
    noise = torch_generator(place, case.seed, NAME, "noise")
    denoiser.to(place).eval()
    case.cover.to(place)
    parts = []
    for raw in raw_batches(windows, case.config):
        covered = case.cover(raw, noise)
        parts.append(torch.stack([denoiser(covered), covered, raw]).cpu())
    denoised, covered, raw = torch.cat(parts, dim=1) / case.config.representation.scaling
    found = figures("denoised", denoised, covered, raw, constant)
    return cast(dict[str, JsonValue], {"windows": len(windows), **found})
