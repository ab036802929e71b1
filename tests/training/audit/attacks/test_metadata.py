"""An adversary who reads what messages say in the clear."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.training.audit.people import Nothing, case, people
from training.audit.attacks import metadata
from training.audit.case import shuffled
from training.audit.findings import Finding
from training.datasets.window_set import Dataset, WindowSet
from training.stages.cover import Raw

WORK = {"epochs": 2, "windows": 1000, "draws": (1, 4)}


def alike(subject: int) -> float:
    """Everybody's events, a little more of each than of the one before."""
    return 2000 * 1.08**subject


def unlike(subject: int) -> float:
    """Of four kinds of people, each with ten times the events of the one before."""
    return 3 * 10.0 ** (subject % 4)


def crowd(events_of: Callable[[int], float]) -> Dataset:
    """People who are told apart by the number of their events alone."""
    dataset = people(subjects=18, tests=8)

    def counted(windows: WindowSet) -> WindowSet:
        generator = np.random.default_rng(1)
        made = np.zeros_like(windows.windows)
        for window, subject in zip(made, windows.subject, strict=True):
            events = generator.poisson(events_of(int(subject)))
            generator.shuffle(cells := np.arange(window.size))
            np.add.at(window.reshape(-1), np.resize(cells, events), 1)
        return replace(windows, windows=made)

    return replace(dataset, train=counted(dataset.train), test=counted(dataset.test))


def top1(finding: Finding, place: int = -1) -> float:
    return 100 * float(np.mean(np.asarray(finding.curve[place].identity.hits_at) == 1))


def test_exact_numbers_tell_people_apart(folder: Path) -> None:
    raw = replace(case(Raw(), folder, crowd(alike), **WORK), kind="raw")
    found = metadata.attack(raw)
    assert [point.count for point in found.curve] == [1, 4]
    assert top1(found) > 3 * found.curve[-1].chance


def test_a_power_of_a_thousand_does_not_where_all_have_the_same(folder: Path) -> None:
    found = metadata.attack(case(Nothing(), folder, crowd(alike), **WORK))
    assert top1(found) < 2 * found.curve[-1].chance


def test_a_power_of_a_thousand_does_where_it_differs(folder: Path) -> None:
    found = metadata.attack(case(Nothing(), folder, crowd(unlike), **WORK))
    assert top1(found) > 2 * found.curve[-1].chance


def test_shuffled_people_are_not_found(folder: Path) -> None:
    dataset = shuffled(crowd(alike), np.random.default_rng(0))
    found = metadata.attack(replace(case(Raw(), folder, dataset, **WORK), kind="raw"))
    assert top1(found) < 30
