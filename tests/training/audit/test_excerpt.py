"""An excerpt of the test windows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.audit.people import people
from training.audit.excerpt import excerpt
from training.audit.sessions import groups, longest, sessions
from training.audit.sightings import without_pictures
from training.datasets.window_set import Dataset, WindowSet


def crowd(
    subjects: int = 4, labels: int = 3, conditions: int = 2, lengths: tuple[int, ...] = (20,)
) -> Dataset:
    """A recording of each test person, label and light, of one length after the other.

    Without pictures, but each window has a number of its own.
    """
    rows = [
        (s, k, c, 7 * r)
        for r, (s, k, c) in enumerate(np.ndindex(subjects, labels, conditions))
        for _ in range(lengths[r % len(lengths)])
    ]
    subject, label, condition, recording = np.array(rows, np.int64).T
    numbers = np.arange(len(rows)).astype(np.uint32).view(np.uint8).reshape(-1, 4)
    test = WindowSet(
        numbers, subject.copy(), label.copy(), recording.copy(), condition=condition.copy()
    )
    return replace(people(), test=test, notes=("Made up.",))


def places(windows: WindowSet) -> list[int]:
    """Where the windows of an excerpt are in the whole."""
    return np.ascontiguousarray(windows.windows).view(np.uint32).reshape(-1).tolist()


def drawn(dataset: Dataset, most: int, run: int = 4, seed: int = 0) -> Dataset:
    return excerpt(dataset, most, run, np.random.default_rng(seed))


@settings(max_examples=60)
@given(
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(1, 3),
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.integers(6, 200),
    st.integers(1, 40),
)
def test_it_is_small_and_even_and_its_runs_are_consecutive(
    subjects, labels, conditions, lengths, most, run
) -> None:
    dataset = crowd(subjects, labels, conditions, tuple(lengths))
    whole, found = dataset.test, drawn(dataset, most, run).test
    kept = places(found)
    assert 0 < len(kept) <= max(most, subjects) and kept == sorted(set(kept))
    for column in ("subject", "label", "recording", "condition"):
        np.testing.assert_array_equal(getattr(found, column), getattr(whole, column)[kept])
    # One run of each recording that is there at all.
    for recording in np.unique(found.recording):
        own = np.flatnonzero(found.recording == recording)
        assert (np.diff(np.array(kept)[own]) == 1).all()
    each = np.bincount(found.subject, minlength=subjects)
    of = np.bincount(whole.subject, minlength=subjects)
    assert (each > 0).all()
    if len(whole) > most:
        # Who has more than the least keeps at most what makes runs come out even.
        share = max(1, most // subjects)
        assert ((each > share / 2) | (each == of)).all()


def test_what_is_small_enough_stays_as_it_is() -> None:
    dataset = crowd()
    assert drawn(dataset, len(dataset.test)) is dataset


def test_the_notes_say_what_was_left_out() -> None:
    found = drawn(crowd(), 200)
    assert found.notes[0] == "Made up."
    assert f"Of 480 test windows {len(found.test)} were attacked" in found.notes[1]
    assert len(found.train) == len(crowd().train)


def test_others_are_drawn_by_another_seed_and_the_same_by_the_same() -> None:
    first, again, other = (places(drawn(crowd(), 100, seed=seed).test) for seed in (0, 0, 1))
    assert first == again != other


def test_nobody_has_more_than_others_who_have_enough() -> None:
    # One person of a single short recording, three with a lot.
    dataset = crowd(labels=1, conditions=1, lengths=(3, 200, 200, 200))
    assert np.bincount(drawn(dataset, 93).test.subject).tolist() == [3, 30, 30, 30]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("recordings", "labels"), [(12, 6), (13, 6), (22, 11), (24, 11)])
def test_sessions_show_the_same_things(recordings: int, labels: int, seed: int) -> None:
    """Or a person's sessions would be farther apart than two people's that happen to be alike."""
    found = drawn(crowd(labels=11, conditions=4), 4 * recordings * 10, run=10, seed=seed).test
    shown = set()
    for person in range(4):
        own = found.subject == person
        pairs = {*zip(found.label[own].tolist(), found.condition[own].tolist(), strict=True)}
        assert len({label for label, _ in pairs}) == labels
        each = [{k for k, light in pairs if light == one} for one in {light for _, light in pairs}]
        # Every session has a twin in another light.
        assert all(each.count(one) % 2 == 0 for one in each)
        shown.add(frozenset(pairs))
    assert len(shown) == 1


def test_runs_are_as_long_as_what_is_put_together() -> None:
    found = drawn(crowd(labels=11, conditions=4), 1500, run=16).test
    assert set(np.unique(found.recording, return_counts=True)[1]) <= set(range(16, 21))
    assert longest(found) >= 16
    of = without_pictures(found)
    for group in groups(of, 16):
        assert len(set(of.recording[group].tolist())) == 1
        assert (np.diff(np.array(places(found))[group]) == 1).all()


def test_few_windows_are_of_several_recordings_rather_than_of_one_long_run() -> None:
    found = drawn(crowd(lengths=(300,)), 4 * 24, run=16).test
    for person in range(4):
        assert len(np.unique(found.recording[found.subject == person])) == 6
    assert len(np.unique(sessions(found))) == 4 * 2
