"""Sessions and groups of consecutive windows."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.audit.people import people
from training.audit.case import chosen
from training.audit.sessions import groups, linked, longest, reachable, sessions, verified
from training.audit.sightings import between, without_pictures
from training.datasets.window_set import WindowSet
from training.errors import TrainingError


@cache
def windows(labels: int = 3, each: int = 4) -> WindowSet:
    return without_pictures(people(labels=labels, windows=each).test)


def test_a_session_is_one_subject_in_one_light() -> None:
    of = windows()
    columns = zip(of.subject.tolist(), of.condition.tolist(), strict=True)
    numbers: dict[tuple[int, int], set[int]] = {}
    for key, session in zip(columns, sessions(of).tolist(), strict=True):
        numbers.setdefault(key, set()).add(session)
    assert all(len(found) == 1 for found in numbers.values())
    assert len(set.union(*numbers.values())) == len(numbers) == 4 * 2
    assert longest(of) == 3 * 4


@settings(max_examples=15)
@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_groups_are_consecutive_windows_of_a_session_and_never_overlap(count, random) -> None:
    of = windows()
    order = list(range(len(of.subject)))
    # Recordings may come in any order, their windows do not.
    recordings = list(dict.fromkeys(of.recording.tolist()))
    random.shuffle(recordings)
    order.sort(key=lambda place: recordings.index(of.recording[place]))
    of = chosen(of, np.array(order))
    found = groups(of, count)
    assert found.shape[1] == count
    assert len(set(found.reshape(-1).tolist())) == found.size
    session = sessions(of)
    for group in found:
        assert len(set(session[group].tolist())) == 1
        own = np.flatnonzero(session == session[group[0]])
        own = own[np.argsort(of.recording[own], kind="stable")]
        start = own.tolist().index(group[0])
        if count > 4:
            assert own[start : start + count].tolist() == group.tolist()
        else:
            assert len(set(of.recording[group].tolist())) == 1
            assert (np.diff(group) == 1).all()
    whole = 4 // count * 3 if count <= 4 else 12 // count
    assert len(found) == 8 * whole


def test_longer_recordings_give_more_groups() -> None:
    of = windows(labels=1, each=7)
    assert len(groups(of, 3)) == 8 * 2
    # The shortest recording bounds what lies within one.
    less = chosen(of, np.arange(5, len(of.subject)))
    assert len(groups(less, 2)) == 1 + 7 * 3
    with pytest.raises(TrainingError, match="no session has 8 windows"):
        groups(less, 8)


def test_one_short_stay_does_not_hide_what_longer_ones_tell() -> None:
    of = windows(labels=1, each=7)
    assert len(np.unique(sessions(of))) == 8
    less = chosen(of, np.arange(5, len(of.subject)))
    assert longest(of) == longest(less) == longest(of, less) == 7
    assert reachable((1, 4, 7, 8), less) == [1, 4, 7]
    both = chosen(of, np.arange(5, len(of.subject) - 3))
    assert longest(both) == longest(of, both) == 4
    with pytest.raises(TrainingError, match="no session has 8 windows"):
        reachable((8, 16), less)


def test_a_single_person_who_can_be_found_says_nothing_of_others() -> None:
    of = windows(labels=1, each=7)
    lights = of.condition.copy()
    # But for the first, everybody is in one light.
    lights[of.subject != of.subject[0]] = 0
    places = groups(replace(of, condition=lights), 7)
    points = np.zeros((len(places), 2), np.float32)
    with pytest.raises(TrainingError, match="7 consecutive windows: fewer than 2 people"):
        verified(replace(of, condition=lights), places, between(points))


def test_of_few_stays_the_shortest_counts() -> None:
    of = windows(labels=1, each=7)
    assert longest(chosen(of, np.arange(5, 4 * 7))) == 2


def test_who_is_known_by_the_points_is_found_in_another_light() -> None:
    of = windows()
    places = groups(of, 4)
    points = np.eye(20, dtype=np.float32)[of.subject[places[:, 0]]]
    scores, chance = linked(of, places, points)
    assert set(scores.hits_at) == {1} and len(scores.hits_at) == len(places)
    assert chance == pytest.approx(25)


def test_nobody_is_found_by_light_or_session() -> None:
    of = windows()
    places = groups(of, 2)
    session = sessions(of)[places[:, 0]]
    scores, chance = linked(of, places, np.eye(8, dtype=np.float32)[session])
    assert 100 * np.mean(np.asarray(scores.hits_at) == 1) == pytest.approx(chance, abs=12)


def test_of_many_groups_some_of_everybody_are_looked_for_among_all(monkeypatch) -> None:
    monkeypatch.setattr("training.audit.sessions._MOST_QUERIES", 16)
    of = windows()
    places = groups(of, 2)
    assert len(places) == 48
    points = np.eye(10, dtype=np.float32)[of.subject[places[:, 0]]]
    scores, chance = linked(of, places, points)
    assert len(scores.hits_at) == 16 and set(scores.hits_at) == {1}
    assert set(scores.subject) == set(of.subject.tolist())
    # All of everybody's are there to be found.
    assert scores.average_precision == (1.0,) * 16 and chance == pytest.approx(25)


def test_one_light_is_not_enough() -> None:
    of = windows()
    of = replace(of, condition=np.zeros_like(of.condition))
    places = groups(of, 2)
    with pytest.raises(TrainingError, match="sessions: nobody is in two"):
        linked(of, places, np.zeros((len(places), 3), np.float32))
