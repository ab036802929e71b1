"""What attacks are given: windows that are chosen, joined, dealt out anew."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.audit.people import case
from tests.training.tiny import tiny_config, tiny_dataset
from training.audit.attacks.attributes import properties
from training.audit.case import chosen, sample, shuffled
from training.audit.data import joined
from training.audit.sightings import Sightings, guessed, without_pictures
from training.datasets.gallery import allowed, queries
from training.stages.cover import Raw


def points(dataset, embedding) -> Sightings:
    return Sightings(np.asarray(embedding, np.float32), without_pictures(dataset.test))


class TestSightings:
    def test_who_is_known_by_a_point_of_its_own_is_found_first(self):
        dataset = tiny_dataset()
        found = points(dataset, np.eye(6)[dataset.test.subject]).ranked(tiny_config(), 0)
        assert set(found.hits_at) == {1} and set(found.average_precision) == {1.0}

    def test_one_point_for_everybody_is_a_guess(self):
        dataset = tiny_dataset(subjects=32, labels=3, tests=30)
        config = tiny_config("evaluation.draws=20")
        found = points(dataset, np.zeros((len(dataset.test), 4))).ranked(config, 0)
        query = queries(dataset.test, config.dataset.rule, np.random.default_rng(0))
        gallery = allowed(dataset.test, query, config.dataset.rule)
        chance = guessed(dataset.test.subject, query, gallery)
        assert 100 * np.mean(np.asarray(found.hits_at) == 1) == pytest.approx(chance, abs=4)

    def test_only_the_gallery_is_searched(self):
        dataset = tiny_dataset()
        subject = dataset.test.subject
        sightings = points(dataset, np.eye(6)[subject])
        query = np.flatnonzero(subject == subject[0])[:2]
        others = np.broadcast_to(subject != subject[0], (2, len(subject)))
        assert sightings.among(query, others).dropped == 2
        own = np.broadcast_to(subject == subject[0], (2, len(subject)))
        assert sightings.among(query, own).hits_at == (1, 1)
        assert guessed(subject, query, own) == 100

    def test_every_point_is_of_a_window(self):
        with pytest.raises(ValueError, match="as many points"):
            points(tiny_dataset(), np.zeros((3, 2)))


class TestShuffled:
    def test_people_change_and_everything_else_stays(self):
        dataset = tiny_dataset(subjects=12, tests=6)
        other = shuffled(dataset, np.random.default_rng(0))
        for was, now in ((dataset.train, other.train), (dataset.test, other.test)):
            assert (was.windows == now.windows).all()
            assert (was.recording == now.recording).all()
            assert (was.label == now.label).all()
            assert (was.subject != now.subject).mean() > 0.5
            for label in np.unique(was.label):
                here = was.label == label
                assert sorted(was.subject[here]) == sorted(now.subject[here])

    def test_windows_of_a_recording_stay_together(self):
        dataset = tiny_dataset(subjects=8, tests=4)
        together = replace(dataset.test, recording=dataset.test.recording // 2)
        now = shuffled(replace(dataset, test=together), np.random.default_rng(1)).test
        for recording in np.unique(now.recording):
            assert len(set(now.subject[now.recording == recording])) == 1


class TestEpochs:
    def test_an_attacker_learns_as_long_as_is_said_or_the_suite_says(self, tmp_path):
        one = case(Raw(), tmp_path, epochs=2, raw_epochs=3)
        assert (one.fit().epochs, one.fit(5).epochs, one.raw_fit().epochs) == (2, 5, 3)

    def test_one_who_learns_nothing_is_refused(self, tmp_path):
        # It would find nobody, and the model would pass.
        with pytest.raises(ValueError, match="epochs"):
            case(Raw(), tmp_path).fit(0)
        nothing = case(Raw(), tmp_path, epochs=0, raw_epochs=0)
        for fit in (nothing.fit, nothing.raw_fit):
            with pytest.raises(ValueError, match="epochs"):
                fit()


@given(st.integers(1, 30), st.integers(0, 5))
def test_a_sample_is_in_order_and_no_larger_than_asked(most, seed):
    test = tiny_dataset().test
    some = sample(test, most, np.random.default_rng(seed))
    assert len(some) == min(most, len(test))
    assert (np.diff(some.recording) > 0).all()


def test_chosen_windows_keep_what_they_show():
    test = tiny_dataset().test
    some = chosen(test, np.array([3, 1]))
    assert (some.windows == test.windows[[3, 1]]).all()
    assert (some.subject == test.subject[[3, 1]]).all()
    assert (some.condition == test.condition[[3, 1]]).all()


class TestJoined:
    def test_people_and_recordings_of_two_sets_are_different(self):
        one = tiny_dataset()
        both = joined([one, replace(one, conditions=("led", "lab"))])
        assert len(both.subjects) == len(set(both.subjects)) == 2 * len(one.subjects)
        assert len(both.test) == 2 * len(one.test)
        first, second = np.split(both.test.subject, 2)
        assert not set(first) & set(second)
        for split in (both.train, both.test):
            for recording in np.unique(split.recording):
                assert len(set(split.subject[split.recording == recording])) == 1
        assert both.conditions == ("lab", "led", "natural")
        # The same number means another lighting in the second set.
        names = [both.conditions[c] for c in both.test.condition]
        assert set(names[: len(one.test)]) == {"natural", "led"}
        assert set(names[len(one.test) :]) == {"led", "lab"}

    def test_properties_of_people_stay_theirs_and_those_not_told_of_everybody_are_left_out(self):
        hands = ("left", "right") * 3
        one = tiny_dataset(attributes={"hand": hands, "hair": ("long",) * 6}, notes=("One.",))
        other = tiny_dataset(attributes={"size": ("small",) * 6, "hand": hands[::-1]})
        both = joined([one, other])
        assert both.attributes == {"hand": hands + hands[::-1]}
        assert both.notes == ("One.", "Not told of everybody, so left out: hair, size.")
        for split, its, theirs in (
            (both.train, one.train, other.train),
            (both.test, one.test, other.test),
        ):
            of = [both.attributes["hand"][subject] for subject in split.subject]
            assert of == [
                *(hands[subject] for subject in its.subject),
                *(hands[::-1][subject] for subject in theirs.subject),
            ]
        # The attack takes them as they are.
        (hand,) = (found for found in properties(both) if found.name == "hand")
        assert [hand.values[place] for place in hand.test] == of
        # Of people who were enrolled nothing is told.
        assert joined([one, tiny_dataset()]).attributes == {}
        assert joined([one, one]).notes == ("One.",)

    def test_one_set_stays_as_it_is(self):
        one = tiny_dataset()
        assert joined([one]) is one
