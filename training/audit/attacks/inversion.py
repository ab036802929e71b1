"""Inversion: undo the cover with a network that has seen pairs, then recognise people.

The adversary has recordings of his own and runs the deployed model on them, so he has any
number of pairs of covered and raw windows, each with fresh noise, of people that he knows. He
trains a denoiser from covered to raw windows together with an attacker behind it that begins
with what it knows of raw windows, and looks at the published windows of people whom he never
saw. He succeeds where he finds people again, and where the denoised windows are nearer to the
raw ones than the mean picture is, which anyone can hand in without looking.

Source: AnonyNoise (WACV 2025), Sec. 5.6 and Appendix C.
"""

from collections.abc import Iterable, Iterator
from typing import cast

import torch
from pydantic import JsonValue
from torch import Tensor, nn

from training.audit.case import Case, sample
from training.audit.findings import Finding
from training.audit.identify import identified
from training.audit.likeness import compared, figures, mean_window
from training.audit.sightings import Sightings, without_pictures
from training.checkpoint import load_checkpoint
from training.datasets.window_set import WindowSet
from training.device import device
from training.errors import TrainingError
from training.evaluate import outputs, raw_batches
from training.seeds import numpy_generator, torch_generator

NAME = "inversion"

#: Windows of his own on which the attacker sees how far the denoiser is to be believed.
_PAIRS = 256


def attack(case: Case) -> Finding:
    """People found again through the denoiser, and how like raw windows its output is.

    Raises :class:`TrainingError` where ``case.effort.inversion_epochs`` is 0.
    """
    epochs = case.effort.inversion_epochs
    if epochs == 0:
        raise TrainingError("has no epochs in this suite", source=NAME)
    folder = case.run.learned(
        f"{case.name}/{NAME}",
        "reid",
        case.cover,
        case.raw_attacker(),
        case.fit(epochs),
        denoise=True,
    )
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
    """How like raw windows a sample of denoised ones is, laid over the mean picture.

    A denoiser of convolutions does not know where in the picture it is, and what it is unsure of
    it does not make small enough: both the attacker puts right with pairs of his own.
    """
    draw = numpy_generator(case.seed, NAME, "sample")
    windows = sample(case.dataset.test, case.effort.sample, draw)
    constant = mean_window(case.dataset.train, draw)
    own = sample(case.dataset.train, _PAIRS, draw)
    place = device(case.config.compute)
    noise = torch_generator(place, case.seed, NAME, "noise")
    denoiser.to(place).eval()
    case.cover.to(place)
    scaling = case.config.representation.scaling

    def seen(windows: WindowSet) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Denoised, covered and raw windows ``[n, 2T, H, W]``, in counts."""
        for raw in raw_batches(windows, case.config):
            covered = case.cover(raw, noise)
            denoised = denoiser(covered)
            yield denoised.cpu() / scaling, covered.cpu() / scaling, raw.cpu() / scaling

    weight, mean = _calibrated((denoised, raw) for denoised, _, raw in seen(own))
    found = figures(
        "denoised",
        (
            compared(constant + weight * (denoised - mean), covered, raw, constant)
            for denoised, covered, raw in seen(windows)
        ),
    )
    return cast(dict[str, JsonValue], {"windows": len(windows), "denoiser_weight": weight, **found})


def _calibrated(pairs: Iterable[tuple[Tensor, Tensor]]) -> tuple[float, Tensor]:
    """What to multiply denoised windows' distance from their mean by, and that mean.

    The least squares of the distance of raw windows from theirs.
    """
    count, product, square = 0, 0.0, 0.0
    denoised_sum = raw_sum = torch.zeros(())
    for denoised, raw in pairs:
        count += len(raw)
        denoised_sum = denoised_sum + denoised.sum(dim=0, dtype=torch.float64)
        raw_sum = raw_sum + raw.sum(dim=0, dtype=torch.float64)
        product += float((denoised * raw).sum(dtype=torch.float64))
        square += float(denoised.square().sum(dtype=torch.float64))
    covariance = product - float((denoised_sum * raw_sum).sum()) / count
    variance = square - float(denoised_sum.square().sum()) / count
    weight = covariance / variance if variance > 0 else 0.0
    return weight, (denoised_sum / count).float()
