"""A denoiser before the attacker."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from tests.training.audit.people import case
from training import run as runs
from training.audit.attacks import inversion
from training.audit.findings import Finding
from training.errors import TrainingError
from training.files import read_json
from training.results import summary
from training.stages.cover import Gaussian


def test_denoised_windows_are_nearer_to_raw_ones_and_are_not_learned_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = case(Gaussian(8.0), tmp_path, inversion_epochs=3, sample=16)
    found = inversion.attack(noisy)
    assert found.identity is not None and found.verification is not None
    assert found.details["windows"] == 16
    mse = _mse(found)
    assert mse["covered"] == pytest.approx(64, rel=0.05)
    assert mse["denoised"] < mse["covered"] / 2

    def trained(*_: object, **__: object) -> float:
        raise AssertionError("trained again")

    monkeypatch.setattr(runs, "fit", trained)
    again = inversion.attack(noisy)
    assert again.identity is not None and summary(again.identity) == summary(found.identity)
    assert again.details == found.details


def test_who_sees_through_the_noise_is_nearer_than_the_mean_picture(tmp_path: Path) -> None:
    found = inversion.attack(case(Gaussian(1.0), tmp_path, inversion_epochs=3, sample=64))
    mse = _mse(found)
    assert mse["denoised"] < 0.95 * min(mse["constant"], mse["covered"])


def test_who_sees_nothing_hands_in_the_mean_picture(tmp_path: Path) -> None:
    # Far too little time for a denoiser of so much noise: he knows that he does not know.
    found = inversion.attack(case(Gaussian(64.0), tmp_path, inversion_epochs=1, sample=64))
    mse = _mse(found)
    assert mse["denoised"] == pytest.approx(mse["constant"], rel=0.05)


def _mse(found: Finding) -> dict[str, float]:
    names = ("denoised", "covered", "constant")
    return {name: cast(float, found.details[f"mse_{name}"]) for name in names}


def test_people_are_looked_for_in_denoised_windows(tmp_path: Path) -> None:
    noisy = case(Gaussian(8.0), tmp_path, inversion_epochs=3, sample=64)
    found = inversion.attack(noisy)
    assert found.identity is not None
    # What the two networks find when they are trained together and looked through in training.
    run = runs.Run(tmp_path / "again", noisy.config, noisy.dataset, noisy.seed)
    stage, begin = "model-gaussian-8/inversion", noisy.raw_attacker()
    together = run.recognised(stage, "reid", noisy.cover, begin, noisy.fit(3), denoise=True)
    published = found.details["top1_published_protocol"]
    assert published == pytest.approx(summary(together)["top1"], abs=3)
    settings = read_json(noisy.run.folder / stage / "settings.json")
    assert settings == read_json(run.folder / stage / "settings.json")
    assert settings["fit"]["epochs"] == 3
    assert settings["start"] == hashlib.sha256(begin.read_bytes()).hexdigest()


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
