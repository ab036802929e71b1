"""Enrolled: the attacker knows the very people he looks for.

The adversary has labelled published windows of the people in front of the camera, from half of
the lightings (a colleague who was there, who knows when each of them passed), beside those of
others. He begins with what he learned of the others, and goes on with all of them. What he has
not seen is how they look on the other days.
Success: a window of another day is given to the right person of those enrolled more often than
by chance. The strongest of the attacks that learn, and outside the published protocol, whose
people are all unknown.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.audit.case import Case, chosen
from training.audit.data import concatenated
from training.audit.findings import Finding
from training.audit.sightings import guessed
from training.datasets.window_set import WindowSet
from training.errors import TrainingError
from training.seeds import numpy_generator

NAME = "enrolled"


def attack(case: Case) -> Finding:
    """The residual attacker who knows the covered windows of others, trained on all of them."""
    test = case.dataset.test
    enrolled = _enrolled(test)
    everybody = replace(
        case.dataset,
        train=concatenated([case.dataset.train, chosen(test, np.flatnonzero(enrolled))]),
    )
    known = replace(case, dataset=everybody, folder=case.folder / NAME)
    start = case.attacker("residual-warm", case.raw_attacker())
    sightings = known.sightings(known.attacker("residual-warm", start))
    query = _queries(test, ~enrolled, numpy_generator(case.seed, NAME))
    gallery = np.broadcast_to(enrolled, (len(query), len(enrolled)))
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        identity=sightings.among(query, gallery),
        chance=guessed(test.subject, query, gallery),
    )


def _enrolled(test: WindowSet) -> NDArray[np.bool_]:
    """Which test windows the attacker knows: those of the first half of the conditions."""
    conditions = np.unique(test.condition)
    if len(conditions) < 2:
        raise TrainingError("has one lighting or camera, nobody can be enrolled by another")
    known: NDArray[np.bool_] = np.isin(test.condition, conditions[: len(conditions) // 2])
    return known


def _queries(
    test: WindowSet, asked: NDArray[np.bool_], generator: np.random.Generator
) -> NDArray[np.int64]:
    """One of each recording's windows that are ``asked`` for."""
    places = generator.permutation(np.flatnonzero(asked))
    _, first = np.unique(test.recording[places], return_index=True)
    return np.sort(places[first])
