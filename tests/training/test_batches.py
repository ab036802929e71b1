"""Batches."""

import numpy as np
import pytest

from tests.training.tiny import tiny_dataset
from training.batches import EpochBatches, batches, identities
from training.config import BatchPart
from training.errors import TrainingError

IDENTITY = np.repeat(np.arange(6), 10)


def sampler(*, balanced: bool = False, seed: int = 0, rank: int = 0, world: int = 1, **part: int):
    return EpochBatches(
        IDENTITY, BatchPart(**part), balanced=balanced, seed=seed, rank=rank, world=world
    )


def test_an_epoch_shows_every_window_once() -> None:
    drawn = list(sampler(size=12))
    assert [len(batch) for batch in drawn] == [12] * 5
    assert sorted(np.concatenate(drawn)) == list(range(60))


def test_a_limit_draws_other_windows_each_epoch() -> None:
    order = sampler(size=10, windows_per_epoch=20)
    first = np.concatenate(list(order))
    order.set_epoch(1)
    second = np.concatenate(list(order))
    assert len(first) == len(second) == 20 == 10 * len(order)
    assert set(first) != set(second)


def test_balanced_batches_hold_equally_many_windows_of_different_people() -> None:
    for batch in sampler(balanced=True, size=12, identities=3):
        people, windows = np.unique(IDENTITY[batch], return_counts=True)
        assert len(people) == 3
        assert (windows == 4).all()
        assert len(set(batch)) == 12


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    def epoch(seed: int, number: int) -> list[list[int]]:
        order = sampler(balanced=True, seed=seed, size=12, identities=3)
        order.set_epoch(number)
        return [batch.tolist() for batch in order]

    assert epoch(0, 5) == epoch(0, 5)
    assert epoch(0, 5) != epoch(0, 6)
    assert epoch(0, 5) != epoch(1, 5)


@pytest.mark.parametrize("balanced", [False, True])
def test_processes_share_the_batches_evenly(balanced: bool) -> None:
    whole = [b.tolist() for b in sampler(balanced=balanced, size=12, identities=3)]
    shares = [
        [b.tolist() for b in sampler(balanced=balanced, size=12, identities=3, rank=r, world=2)]
        for r in range(2)
    ]
    assert len(shares[0]) == len(shares[1]) == 3
    interleaved = [batch for pair in zip(*shares, strict=True) for batch in pair]
    assert interleaved[: len(whole)] == whole


def test_more_people_than_there_are_is_one_line() -> None:
    with pytest.raises(TrainingError, match=r"batch\.identities: is 8, the training set has 6"):
        sampler(balanced=True, size=16, identities=8)


def test_too_small_a_set_is_one_line() -> None:
    with pytest.raises(TrainingError, match="fewer than two"):
        EpochBatches(np.zeros(1, np.int64), BatchPart(), balanced=False, seed=0)


def test_the_loader_gives_what_the_indices_ask_for() -> None:
    windows = tiny_dataset().test
    order = EpochBatches(identities(windows), BatchPart(size=5), balanced=False, seed=0)
    for batch, index in zip(batches(windows, order), order, strict=True):
        np.testing.assert_array_equal(batch.windows, windows.windows[index])
        np.testing.assert_array_equal(batch.label, windows.label[index])
        # People 4 and 5 of the data set are the first and second of this split.
        np.testing.assert_array_equal(batch.identity, windows.subject[index] - 4)
