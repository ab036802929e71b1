"""From points to a finding: whom of all that people do it finds, and whom the paper's protocol."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.audit.people import case, people
from training.audit.identify import identified
from training.audit.sightings import Sightings, without_pictures
from training.errors import TrainingError
from training.stages.cover import Raw

CASE = case(Raw(), Path(), people(labels=3))


def found(points: np.ndarray, one=CASE):
    sightings = Sightings(points.astype(np.float32), without_pictures(one.dataset.test))
    return identified("static", one, sightings)


def top1(finding) -> float:
    return 100 * float(np.mean(np.asarray(finding.identity.hits_at) == 1))


def test_who_is_known_by_how_he_does_a_thing_is_found() -> None:
    """Of a model that tells what somebody does and little else, which that protocol never sees."""
    test = CASE.dataset.test
    does = 10.0 * np.eye(3)[test.label]
    his_way = np.eye(12)[3 * (test.subject - test.subject.min()) + test.label]
    finding = found(np.hstack([does, his_way]))
    assert top1(finding) == 100
    assert finding.details == {"top1_published_protocol": 0.0}


def test_what_somebody_does_alone_is_a_guess() -> None:
    test = CASE.dataset.test
    finding = found(np.eye(3)[test.label])
    assert finding.chance == 25
    assert top1(finding) == pytest.approx(25, abs=8)
    # Where nobody else did the same, there would be nobody to be found.
    assert finding.details == {"top1_published_protocol": 0.0}


def test_nobody_is_found_by_the_light() -> None:
    finding = found(np.eye(2)[CASE.dataset.test.condition])
    assert top1(finding) == pytest.approx(25, abs=8)


def test_people_who_all_do_the_same_can_be_found() -> None:
    one = case(Raw(), Path(), people(labels=1))
    finding = found(np.eye(10)[one.dataset.test.subject], one)
    assert top1(finding) == 100
    assert finding.details == {}


def test_one_light_is_one_line() -> None:
    test = CASE.dataset.test
    dark = replace(test, condition=np.zeros_like(test.condition))
    one = replace(CASE, dataset=replace(CASE.dataset, test=dark))
    with pytest.raises(TrainingError, match="nobody is in two"):
        found(np.eye(10)[test.subject], one)
