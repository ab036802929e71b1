"""A denoiser before the attacker."""

from pathlib import Path
from typing import cast

import pytest

from tests.training.audit.people import case
from training import run as runs
from training.audit.attacks import inversion
from training.errors import TrainingError
from training.results import summary
from training.stages.cover import Gaussian


def test_denoised_windows_are_nearer_to_raw_ones_and_are_not_learned_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = case(Gaussian(8.0), tmp_path, inversion_epochs=2, sample=16)
    found = inversion.attack(noisy)
    assert found.identity is not None and found.verification is not None
    assert found.details["windows"] == 16
    mse = {name: cast(float, found.details[f"mse_{name}"]) for name in ("denoised", "covered")}
    assert mse["covered"] == pytest.approx(64, rel=0.05)
    assert mse["denoised"] < mse["covered"] / 2

    def trained(*_: object, **__: object) -> float:
        raise AssertionError("trained again")

    monkeypatch.setattr(runs, "fit", trained)
    again = inversion.attack(noisy)
    assert again.identity is not None and summary(again.identity) == summary(found.identity)
    assert again.details == found.details


def test_a_suite_without_epochs_for_it_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="inversion: has no epochs in this suite"):
        inversion.attack(case(Gaussian(8.0), tmp_path, inversion_epochs=0))
    assert not list(tmp_path.iterdir())
