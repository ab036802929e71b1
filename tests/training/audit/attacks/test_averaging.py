"""Averaging draws of one window."""

from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.embedding import EMBEDDING
from models.networks.reid import ReidNetwork
from tests.training.audit.people import Nothing, case, people
from training.audit.attacks import averaging
from training.audit.attacks.averaging import Averaged, put_together
from training.audit.findings import Finding
from training.checkpoint import load_checkpoint
from training.stages.cover import Gaussian


def top1(finding: Finding, place: int) -> float:
    return 100 * float(np.mean(np.asarray(finding.curve[place].identity.hits_at) == 1))


def test_copies_undo_gaussian_noise_and_not_the_absence_of_a_signal(folder: Path) -> None:
    found = averaging.attack(case(Gaussian(30.0), folder))
    assert [point.count for point in found.curve] == [1, 2, 4, 16]
    assert top1(found, -1) > top1(found, 0) + 10
    assert top1(found, -1) > found.curve[-1].chance + 20
    assert found.identity is None and "covered twice" in found.note
    # Of the windows in the other light, a fourth is the person's.
    assert all(point.chance == 25 for point in found.curve)
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
    spreads = [round(float((cover(windows) - windows).std()), 0) for _ in range(300)]
    assert set(spreads) == {4.0, 1.0}
    # A single copy four times as often as sixteen, which cost sixteen times as much.
    assert 3 < spreads.count(4.0) / spreads.count(1.0) < 5.5


class Channels(nn.Module):
    """The mean of every channel, for an embedding; ``times`` that for another network."""

    def __init__(self, times: float = 1.0) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        means = self.times * x.mean(dim=(2, 3))
        return functional.pad(means, (0, EMBEDDING - means.shape[1])), x


def test_every_way_puts_all_copies_of_a_window_together() -> None:
    one = case(Gaussian(30.0), Path())
    windows = people().test
    networks = {"tensors": Channels(), "tensors_retrained": Channels(2.0)}
    found = put_together(
        cast(dict[str, ReidNetwork], networks), one.cover, windows, (16, 1, 4), one.config, 0
    )
    assert list(found) == [1, 4, 16]
    truth = windows.windows.mean(axis=(2, 3))
    spread = {}
    for count, ways in found.items():
        # Of something linear, the mean's point is the points' mean.
        np.testing.assert_allclose(ways["tensors"], ways["embeddings"], atol=1e-3)
        np.testing.assert_allclose(2 * ways["tensors"], ways["tensors_retrained"], atol=1e-3)
        spread[count] = float((ways["tensors"][:, :10] - truth).std())
    assert spread[1] == pytest.approx(30 / 32, rel=0.1)
    assert spread[4] == pytest.approx(spread[1] / 2, rel=0.1)
    assert spread[16] == pytest.approx(spread[1] / 4, rel=0.1)


def test_one_of_the_attackers_has_learned_from_means_of_copies(folder: Path) -> None:
    averaging.attack(case(Gaussian(30.0), folder))
    stages = folder / "seed-0/model-gaussian-30"
    learned = {
        name: load_checkpoint(stages / name / "reid.pt", "reid").trained_on["cover"]
        for name in ("residual-warm", "averaged")
    }
    assert learned["residual-warm"]["name"] == "gaussian-30"
    assert learned["averaged"]["name"] == "gaussian-30-averaged"
    assert learned["averaged"]["draws"] == [1, 2, 4, 16]


def test_a_sample_of_the_windows_is_enough(folder: Path) -> None:
    found = averaging.attack(case(Gaussian(30.0), folder, sample=6))
    assert 0 < len(found.curve[0].identity.hits_at) <= 12
    whole = averaging.attack(case(Gaussian(30.0), folder))
    # Every window, four of each person, label and light.
    assert len(whole.curve[0].identity.hits_at) == 4 * 2 * 2 * 4
