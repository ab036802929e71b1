"""Verification: rates, and their intervals over people."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import binary_roc

from training.audit import verification
from training.audit.case import chosen
from training.audit.sightings import Sightings, between
from training.audit.verification import PairCounts, intervals, pair_counts, rates
from training.bootstrap import bounds, resampled
from training.datasets.window_set import WindowSet
from training.errors import TrainingError


def seen(
    people: int,
    apart: float,
    *,
    seed: int = 0,
    label_apart: float = 0.0,
    labels: int = 4,
    per_label: int = 4,
) -> Sightings:
    """Points around one of each person's own, ``apart`` away from each other."""
    generator = np.random.default_rng(seed)
    rows = [(s, k, r) for s in range(people) for k in range(labels) for r in range(per_label)]
    subject, label, repetition = np.array(rows, np.int64).T
    centre = apart * generator.normal(size=(people, 5))
    place = label_apart * generator.normal(size=(labels, 5))
    points = centre[subject] + place[label] + generator.normal(size=(len(rows), 5))
    of = WindowSet(
        windows=np.zeros((len(rows), 0), np.uint8),
        subject=subject + 7,
        label=label,
        # Two windows a recording.
        recording=np.arange(len(rows)) // 2,
        condition=repetition % 2,
    )
    return Sightings(points.astype(np.float32), of)


def told(sightings: Sightings) -> PairCounts:
    of = sightings.of
    return pair_counts(of.subject, of.condition, between(sightings.embedding))


def pairs(sightings: Sightings) -> tuple[list[float], list[int]]:
    """Distances of all pairs of two conditions, and whether they are of one person."""
    of, points = sightings.of, sightings.embedding.astype(np.float64)
    distance, same = [], []
    for i, j in combinations(range(len(points)), 2):
        if of.condition[i] != of.condition[j]:
            distance.append(float(np.linalg.norm(points[i] - points[j])))
            same.append(int(of.subject[i] == of.subject[j]))
    return distance, same


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_rates_are_those_of_the_roc_of_all_pairs_in_two_lights(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_ROWS", rows)
    sightings = seen(6, 0.8)
    distance, same = pairs(sightings)
    counts = told(sightings)
    assert np.sum(counts.genuine) == sum(same)
    assert np.sum(counts.impostor) == len(same) - sum(same)
    score = torch.tensor(distance, dtype=torch.float64)
    fpr, tpr, _ = binary_roc(torch.exp(-score / score.max()), torch.tensor(same))
    found = rates(counts)
    crossing = int(torch.argmin((fpr - (1 - tpr)).abs()))
    # Inside a bin, and between two steps of the ROC, the curve is taken for straight.
    assert found.eer == pytest.approx(100 * float(fpr[crossing]), abs=1.0)
    assert found.tpr_at_1 == pytest.approx(100 * float(tpr[fpr <= 0.01][-1]), abs=1.0)
    assert found.tpr_at_01 == pytest.approx(100 * float(tpr[fpr <= 0.001][-1]), abs=1.0)


def test_who_knows_everyone_makes_no_error() -> None:
    found = rates(told(seen(4, 100.0)))
    assert (found.eer, found.tpr_at_1, found.tpr_at_01) == (0, 100, 100)


def test_who_says_the_same_of_everyone_decides_by_lot() -> None:
    sightings = seen(4, 1.0)
    flat = Sightings(np.ones_like(sightings.embedding), sightings.of)
    found = rates(told(flat))
    assert (found.eer, found.tpr_at_1, found.tpr_at_01) == pytest.approx((50, 1, 0.1))


def test_what_somebody_does_alone_does_not_tell_who_he_is() -> None:
    found = rates(told(seen(6, 0.0, label_apart=10.0, labels=8)))
    assert found.eer == pytest.approx(50, abs=2)


def test_who_is_known_by_how_he_does_each_thing_is_told_from_others() -> None:
    sightings = seen(6, 0.0, labels=4, per_label=8)
    own_way = np.eye(24)[4 * (sightings.of.subject - 7) + sightings.of.label]
    found = rates(told(Sightings(own_way.astype(np.float32), sightings.of)))
    # One pair of one person in four shows the same, and nobody else does it like that.
    assert found.tpr_at_01 == pytest.approx(25, abs=1)
    assert found.eer < 45


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=4), st.integers(0, 99))
def test_a_weight_is_as_if_a_person_were_there_so_often(weights: list[int], seed: int) -> None:
    """Against a brute sum over copies, which are never compared with each other."""
    counts = told(seen(4, 0.7, seed=seed, labels=2))
    copies = [person for person, times in enumerate(weights) for _ in range(times)]
    two = list(combinations(range(4), 2))
    impostor = [
        counts.impostor[two.index((one, other))]
        for one, other in combinations(copies, 2)
        if one != other
    ]
    found = rates(counts, weights)
    if not impostor:
        assert np.isnan(found.eer) and np.isnan(found.tpr_at_1)
        return
    pooled = PairCounts(
        people=(0, 1),
        genuine=(
            tuple(np.sum([counts.genuine[person] for person in copies], axis=0).tolist()),
            (0,) * counts.bins,
        ),
        impostor=(tuple(np.sum(impostor, axis=0).tolist()),),
        bins=counts.bins,
    )
    expected = rates(pooled)
    assert (found.eer, found.tpr_at_1) == pytest.approx((expected.eer, expected.tpr_at_1))


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    truth = rates(told(seen(80, 0.8, seed=1, per_label=2))).eer
    covered = 0
    for seed in range(40):
        counts = told(seen(6, 0.8, seed=1000 + seed, per_label=2))
        found = intervals([counts], np.random.default_rng(seed), resamples=300)["eer"]
        covered += found.low <= truth <= found.high
    assert covered / 40 >= 0.85


def test_seeds_are_averaged_and_are_no_more_people() -> None:
    seeds = [told(seen(6, apart)) for apart in (0.5, 1.5)]
    means = [rates(counts).eer for counts in seeds]
    found = intervals(seeds, np.random.default_rng(0))["eer"]
    assert found.mean == pytest.approx(np.mean(means))
    assert found.low < found.mean < found.high
    once, twice = (
        intervals(chosen, np.random.default_rng(0)) for chosen in (seeds[:1], [seeds[0]] * 3)
    )
    for name, interval in once.items():
        assert twice[name].mean == pytest.approx(interval.mean)
        assert twice[name].low == pytest.approx(interval.low)
        assert twice[name].high == pytest.approx(interval.high)


def test_seeds_whose_samples_show_some_of_the_people_are_averaged_too() -> None:
    def without(sightings: Sightings, person: int) -> Sightings:
        kept = np.flatnonzero(sightings.of.subject != person)
        return Sightings(sightings.embedding[kept], chosen(sightings.of, kept))

    everybody = seen(6, 0.8)
    some = [told(without(everybody, person)) for person in (7, 9)]
    assert {counts.people for counts in some} == {(8, 9, 10, 11, 12), (7, 8, 10, 11, 12)}
    found = intervals(some, np.random.default_rng(0), resamples=300)["eer"]
    assert found.mean == pytest.approx(np.mean([rates(counts).eer for counts in some]))
    weights = resampled(6, np.random.default_rng(0), 300)
    drawn = [
        np.mean([rates(some[0], weight[1:]).eer, rates(some[1], np.delete(weight, 2)).eer])
        for weight in weights
    ]
    expected = bounds(np.array(drawn)[np.isfinite(drawn)], 6, 0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_two_people_say_nothing_of_others() -> None:
    found = intervals([told(seen(2, 3.0))], np.random.default_rng(0))
    assert all((interval.low, interval.high) == (0, 100) for interval in found.values())


def test_what_cannot_be_averaged_is_one_line() -> None:
    generator = np.random.default_rng(0)
    one = seen(3, 1.0)
    by_person = replace(one.of, condition=one.of.subject)
    nobody_twice = told(Sightings(one.embedding, by_person))
    for seeds in ([], [nobody_twice], [told(one), nobody_twice]):
        with pytest.raises(TrainingError, match="verification: needs pairs of one person"):
            intervals(seeds, generator)


def test_a_point_that_is_not_finite_is_refused() -> None:
    sightings = seen(3, 1.0)
    sightings.embedding[4, 0] = np.nan
    with pytest.raises(TrainingError, match="distance: is not finite"):
        told(sightings)


@pytest.mark.parametrize("people", [6, 60])
def test_a_files_counts_stay_small_and_come_back(people: int) -> None:
    counts = told(seen(people, 1.0))
    text = counts.model_dump_json()
    assert len(text) < 200_000
    assert PairCounts.model_validate_json(text) == counts


def test_of_a_large_set_some_of_everybody_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_MOST_WINDOWS", 40)
    counts = told(seen(5, 0.8))
    total = np.sum(counts.genuine) + np.sum(counts.impostor)
    assert 40 * 39 / 5 < total < 40 * 39 / 3
    assert counts.people == (7, 8, 9, 10, 11)


def test_counts_must_fit_the_people() -> None:
    counts = told(seen(3, 1.0))
    fields = counts.model_dump()
    for wrong in ({"people": (1, 2)}, {"bins": counts.bins + 1}):
        with pytest.raises(ValueError, match="row"):
            PairCounts(**fields | wrong)


def test_order_of_windows_does_not_matter() -> None:
    sightings = seen(4, 0.8)
    order = np.random.default_rng(0).permutation(len(sightings.embedding))
    of = sightings.of
    shuffled = Sightings(
        sightings.embedding[order],
        replace(
            of,
            windows=of.windows[order],
            subject=of.subject[order],
            label=of.label[order],
            recording=of.recording[order],
            condition=of.condition[order],
        ),
    )
    first, second = (rates(told(one)) for one in (sightings, shuffled))
    assert first.eer == pytest.approx(second.eer, abs=1e-6)


def test_bounds_are_as_far_out_as_those_of_every_other_share() -> None:
    counts = told(seen(6, 0.5))
    found = intervals([counts], np.random.default_rng(3), resamples=300)
    drawn = [rates(counts, weights) for weights in resampled(6, np.random.default_rng(3), 300)]
    for name, interval in found.items():
        values = np.array([getattr(one, name) for one in drawn])
        expected = bounds(values[np.isfinite(values)], 6, 0.95)
        assert (interval.low, interval.high) == pytest.approx(tuple(expected))
        # Plain quantiles would be too near.
        assert interval.high - interval.low > np.ptp(np.quantile(values, [0.025, 0.975]))
