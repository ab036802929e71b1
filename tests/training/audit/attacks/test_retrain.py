"""An attacker who learns from published windows, of two kinds of network."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.audit.people import Nothing, case
from training.audit.attacks import static
from training.audit.attacks.retrain import attacker_of
from training.audit.findings import Finding
from training.checkpoint import load_checkpoint
from training.files import read_json
from training.stages.cover import Gaussian

LONGER = {"epochs": 6}


def top1(finding: Finding) -> float:
    assert finding.identity is not None
    return 100 * float(np.mean(np.asarray(finding.identity.hits_at) == 1))


@pytest.mark.parametrize(
    ("architecture", "warm"), [("residual", True), ("residual", False), ("mixer", False)]
)
def test_people_are_found_behind_a_weak_cover_and_nobody_in_noise(
    architecture: str, warm: bool, folder: Path
) -> None:
    attack = attacker_of(architecture, warm=warm)
    noisy = case(Gaussian(1.0), folder / "longer", **LONGER)
    found = attack(noisy)
    assert found.attack == f"retrain-{architecture}-{'warm' if warm else 'scratch'}"
    assert found.verification is not None
    nothing = attack(case(Nothing(), folder / "longer", **LONGER))
    assert top1(found) > 60
    assert top1(nothing) < 45
    stage = folder / f"longer/seed-0/model-gaussian-1/{found.attack.removeprefix('retrain-')}"
    kept = load_checkpoint(stage / "reid.pt", "reid")
    backbone = type(kept.network().backbone).__name__
    assert backbone == ("Mixer" if architecture == "mixer" else "Backbone")
    # It learned from what is published, from what it knew of raw windows or from nothing.
    assert kept.trained_on["cover"]["name"] == "gaussian-1"
    settings = read_json(stage / "settings.json")
    assert (settings["start"] is not None) == warm
    # Under noise the triplet loss keeps who knows nothing yet from learning anything.
    assert settings.get("triplet", True) == warm
    # Who begins from nothing has as much time as he had for raw windows.
    effort = noisy.effort
    assert settings["fit"]["epochs"] == (effort.epochs if warm else effort.raw_epochs)
    assert effort.epochs != effort.raw_epochs


def test_who_knows_raw_windows_only_finds_people_where_little_is_hidden(folder: Path) -> None:
    found = static.attack(case(Gaussian(1.0), folder / "longer", **LONGER))
    nothing = static.attack(case(Nothing(), folder / "longer", **LONGER))
    assert top1(found) > 60
    assert top1(nothing) < 45
    # He has learned nothing of the cover.
    assert not list((folder / "longer/seed-0").glob("static*"))
