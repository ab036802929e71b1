"""Rounding to the nearest count."""

from pathlib import Path
from typing import cast

import pytest
import torch

from tests.training.audit.people import Nothing, case
from training.audit.attacks import rounding
from training.audit.attacks.rounding import Rounded
from training.results import summary
from training.stages.cover import Gaussian


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the attacker who knows raw windows is trained once."""
    return tmp_path_factory.mktemp("audit")


@pytest.mark.parametrize("scaling", [1.0, 0.25])
def test_little_noise_is_rounded_away(scaling: float) -> None:
    raw = torch.arange(24.0).reshape(1, 2, 3, 4) * scaling
    torch.manual_seed(0)
    rounded = Rounded(Gaussian(0.05 * scaling), scaling)
    assert torch.equal(rounded(raw), raw)
    assert rounded.name.endswith("-rounded") and rounded.settings["std"] == 0.05 * scaling


def test_there_are_no_counts_below_zero() -> None:
    torch.manual_seed(0)
    found = Rounded(Gaussian(3.0), 1.0)(torch.zeros(2, 4, 8, 8))
    assert (found >= 0).all() and torch.equal(found, found.round()) and (found > 0).any()


def test_the_better_attacker_is_the_finding(folder: Path) -> None:
    found = rounding.attack(case(Gaussian(0.15), folder))
    assert found.identity is not None and found.verification is not None
    both = {
        name: cast(dict[str, float], found.details[name]) for name in ("raw_trained", "retrained")
    }
    assert summary(found.identity) == both[str(found.details["best"])]
    assert summary(found.identity)["top1"] == max(one["top1"] for one in both.values()) > 60
    assert cast(float, found.details["active_cells_given_back"]) > 99


def test_of_nothing_rounding_gives_nothing_back(folder: Path) -> None:
    found = rounding.attack(case(Nothing(), folder, epochs=1)).details
    by_zero = cast(float, found["cells_given_back_by_zero"])
    assert cast(float, found["cells_given_back"]) == pytest.approx(by_zero, abs=5)
    assert cast(float, found["active_cells_given_back"]) < 30
