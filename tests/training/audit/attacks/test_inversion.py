"""A denoiser before the attacker."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from tests.training.audit.people import case
from training import run as runs
from training.audit.attacks import inversion
from training.checkpoint import load_checkpoint
from training.errors import TrainingError
from training.files import read_json
from training.results import summary
from training.stages.cover import Gaussian


def test_denoised_windows_are_nearer_to_raw_ones_and_are_not_learned_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = case(Gaussian(8.0), tmp_path, inversion_epochs=12, sample=16)
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


def test_people_are_looked_for_in_denoised_windows(tmp_path: Path) -> None:
    noisy = case(Gaussian(8.0), tmp_path, inversion_epochs=3, sample=64)
    found = inversion.attack(noisy)
    assert found.identity is not None
    stage = noisy.run.folder / "model-gaussian-8/inversion"
    # What the two networks found when they had been trained together.
    together = load_checkpoint(stage / "reid.pt", "reid").metrics
    assert summary(found.identity) == pytest.approx(together, abs=3)
    settings = read_json(stage / "settings.json")
    assert settings["fit"]["epochs"] == 3
    raw_attacker = hashlib.sha256(noisy.raw_attacker().read_bytes()).hexdigest()
    assert settings["start"] == raw_attacker


@pytest.mark.parametrize("scaling", [1.0, 0.25])
def test_the_best_that_can_be_said_without_looking_is_the_mean_of_known_people(
    scaling: float, tmp_path: Path
) -> None:
    one = case(Gaussian(8.0), tmp_path, inversion_epochs=1, epochs=1, raw_epochs=1, sample=64)
    representation = one.config.representation.model_copy(update={"scaling": scaling})
    config = one.config.model_copy(update={"representation": representation})
    found = inversion.attack(replace(one, config=config))
    train, test = (split.windows.astype(float) for split in (one.dataset.train, one.dataset.test))
    expected = ((test - train.mean(axis=0)) ** 2).mean()
    assert found.details["mse_constant"] == pytest.approx(expected, rel=1e-4)
    assert found.details["mse_covered"] == pytest.approx((8 / scaling) ** 2, rel=0.05)


def test_a_suite_without_epochs_for_it_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="inversion: has no epochs in this suite"):
        inversion.attack(case(Gaussian(8.0), tmp_path, inversion_epochs=0))
    assert not list(tmp_path.iterdir())
