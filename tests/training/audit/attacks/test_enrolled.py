"""An attacker who has labelled windows of the very people."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.audit.people import Nothing, case, people
from training.audit.attacks import enrolled
from training.audit.case import shuffled
from training.audit.findings import Finding
from training.checkpoint import load_checkpoint
from training.errors import TrainingError
from training.files import read_json
from training.stages.cover import Gaussian


def top1(finding: Finding) -> float:
    assert finding.identity is not None
    return 100 * float(np.mean(np.asarray(finding.identity.hits_at) == 1))


def test_people_are_found_on_another_day_and_nobody_in_noise(folder: Path) -> None:
    crowd = people(labels=4)
    found = enrolled.attack(case(Gaussian(1.0), folder / "enrolled", crowd, epochs=6))
    assert found.identity is not None and found.chance == 25
    # One query of each recording of the other light.
    assert len(found.identity.hits_at) == 4 * 4
    assert set(found.identity.subject) == {6, 7, 8, 9}
    # He knows six others, and of these four the half that is of the first light.
    stage = "seed-0/model-gaussian-1/residual-warm"
    kept = load_checkpoint(folder / "enrolled/enrolled" / stage / "reid.pt", "reid")
    known = kept.trained_on["train"]
    assert (known["subjects"], known["windows"]) == (6 + 4, 6 * 32 + 4 * 16)
    assert kept.network().classifier.out_features == 6 + 4
    # He began with what the attacker learned who knows covered windows of the six alone.
    start = load_checkpoint(folder / "enrolled" / stage / "reid.pt", "reid")
    assert start.network().classifier.out_features == 6
    settings = read_json(folder / "enrolled/enrolled" / stage / "settings.json")
    assert settings["start"] is not None
    nothing = enrolled.attack(case(Nothing(), folder / "enrolled", crowd, epochs=6))
    assert top1(found) > 70
    assert top1(nothing) < 60


def test_shuffled_people_are_not_found(folder: Path) -> None:
    dataset = shuffled(people(subjects=16, tests=10, labels=3), np.random.default_rng(0))
    found = enrolled.attack(case(Gaussian(1.0), folder / "shuffled-many", dataset, epochs=6))
    assert top1(found) < 30


def test_the_queries_are_of_days_that_nobody_taught(folder: Path) -> None:
    # In the second light everybody looks like the next one: what is learned must mislead.
    dataset = people(labels=4)
    test = dataset.test
    other = test.condition == 1
    subject = np.where(other, 6 + (test.subject - 5) % 4, test.subject)
    swapped = replace(dataset, test=replace(test, subject=subject))
    found = enrolled.attack(case(Gaussian(1.0), folder / "swapped", swapped, epochs=6))
    assert top1(found) < 25


def test_one_light_is_one_line(folder: Path) -> None:
    with pytest.raises(TrainingError, match="nobody can be enrolled"):
        enrolled.attack(case(Gaussian(1.0), folder / "one", people(conditions=1)))
