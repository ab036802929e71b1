"""Averaging draws of one window."""

from pathlib import Path

import numpy as np
import torch

from tests.training.audit.people import Nothing, case
from training.audit.attacks import averaging
from training.audit.attacks.averaging import Averaged
from training.audit.findings import Finding
from training.stages.cover import Gaussian


def top1(finding: Finding, place: int) -> float:
    return 100 * float(np.mean(np.asarray(finding.curve[place].identity.hits_at) == 1))


def test_copies_undo_gaussian_noise_and_not_the_absence_of_a_signal(folder: Path) -> None:
    found = averaging.attack(case(Gaussian(30.0), folder))
    assert [point.count for point in found.curve] == [1, 2, 4, 16]
    assert top1(found, -1) > top1(found, 0) + 10
    assert top1(found, -1) > found.curve[-1].chance + 20
    assert found.identity is None and "covered twice" in found.note
    ways = ("tensors", "tensors_retrained", "embeddings")
    # At every number the better way is the curve.
    for place, count in enumerate((1, 2, 4, 16)):
        assert max(float(found.details[f"top1_{way}_{count}"]) for way in ways) == round(  # type: ignore[arg-type]
            top1(found, place), 2
        )
    nothing = averaging.attack(case(Nothing(), folder))
    assert top1(nothing, -1) < 60


def test_a_mean_of_copies_has_less_noise_and_the_same_window() -> None:
    windows = torch.full((2, 10, 16, 16), 3.0)
    cover = Averaged(Gaussian(4.0), (1, 16))
    assert cover.name == "gaussian-4-averaged"
    assert cover.settings == {"std": 4.0, "draws": [1, 16]}
    torch.manual_seed(0)
    spreads = {round(float((cover(windows) - windows).std()), 0) for _ in range(40)}
    assert spreads == {4.0, 1.0}
