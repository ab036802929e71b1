"""Lines of a report: all seeds of an attack together."""

import numpy as np
import pytest

from tests.training.audit.found import finding
from training.audit.attack_list import attacks
from training.audit.summary import attack
from training.audit.verification import PairCounts, pair_counts

(STATIC,) = [one for one in attacks(None, show_raw=True) if one.name == "static"]


def pairs(*people: int, lights: int = 2) -> PairCounts:
    """Twenty windows of each of ``people``, in so many lights; nobody can be told."""
    subject = np.repeat(people, 20).astype(np.int64)
    light = np.arange(len(subject)) // 2 % lights
    apart = np.random.default_rng(0).random((len(subject), len(subject)))
    return pair_counts(subject, light, lambda rows: apart[rows])


def told(*seeds: PairCounts):
    found = [finding(20, "static", seed=seed, verification=one) for seed, one in enumerate(seeds)]
    return attack(STATIC, found).verification


def test_seeds_that_saw_other_people_are_one_line():
    line = told(pairs(0, 1, 2, 3), pairs(0, 2, 3), pairs(1, 2, 3))
    assert line is not None and line.eer.mean == pytest.approx(50, abs=10)
    assert line.eer.of == 3


def test_a_seed_whose_sample_has_nobody_twice_says_nothing_and_hides_nothing():
    alone = pairs(0, 1, 2, lights=1)
    assert not alone.telling
    assert told(alone) is None
    both = told(alone, pairs(0, 1, 2))
    assert both is not None and both == told(pairs(0, 1, 2))
