"""Evaluation."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.training.tiny import tiny_config, tiny_dataset
from training.evaluate import ReidScores, TargetScores, chance, evaluate
from training.stages.cover import Gaussian, Raw

DATASET = tiny_dataset(subjects=8, tests=6)
TEST = DATASET.test
CONFIG = tiny_config("evaluation.draws=3", "evaluation.batch_size=7")


class Brightest(nn.Module):
    """Reads what :func:`tiny_dataset` wrote: the row tells the label, the column the person."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, windows: Tensor) -> Tensor:
        # Mean over channels and one side of the window.
        return windows.mean(dim=(1, self.axis))


class Label(Brightest):
    def forward(self, windows: Tensor) -> Tensor:
        # In training mode it would see nothing.
        rows = functional.dropout(super().forward(windows), 1.0, self.training)
        return torch.stack([rows[:, 8 * k : 8 * k + 6].sum(1) for k in range(3)], dim=1)


class Person(Brightest):
    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        # The mean over rows keeps the label's bright rows as one constant.
        embedding = super().forward(windows)
        return embedding, embedding


def test_who_reads_the_label_gets_all_of_them() -> None:
    scores = evaluate("target", Label(axis=3), Raw(), TEST, CONFIG, seed=0)
    assert isinstance(scores, TargetScores)
    assert scores.subject == tuple(TEST.subject.tolist())
    assert all(scores.correct)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_who_reads_the_person_finds_everyone(distance: str) -> None:
    config = tiny_config("evaluation.draws=3", f"evaluation.distance={distance}")
    scores = evaluate("reid", Person(axis=2), Raw(), TEST, config, seed=0)
    assert isinstance(scores, ReidScores)
    # Three draws of one query a subject and label.
    assert len(scores.subject) == len(scores.hits_at) == 3 * 6 * 3
    assert set(scores.hits_at) == {1}
    assert np.mean(scores.average_precision) > 0.99
    assert scores.dropped == 0


def test_noise_comes_from_the_seed() -> None:
    def scores(seed: int) -> tuple[float, ...]:
        found = evaluate("reid", Person(axis=2), Gaussian(20.0), TEST, CONFIG, seed)
        assert isinstance(found, ReidScores)
        return found.average_precision

    assert scores(0) == scores(0)
    assert scores(0) != scores(1)
    assert np.mean(scores(0)) < 0.99


def test_queries_without_anyone_to_find_are_counted_and_left_out() -> None:
    one_label = tiny_dataset(labels=1)
    scores = evaluate("reid", Person(axis=2), Raw(), one_label.test, CONFIG, seed=0)
    assert isinstance(scores, ReidScores)
    assert scores.subject == ()
    assert scores.dropped == 3 * 2


def test_chance_is_that_of_a_random_order() -> None:
    levels = chance(TEST, CONFIG, seed=0)
    # Six people with twelve windows each; a query's gallery leaves out its own four.
    right = 8 / (8 + 5 * 12)
    assert levels["target_acc"] == pytest.approx(100 / 3)
    assert levels["top1"] == pytest.approx(100 * right, abs=3)
    assert levels["top1"] < levels["top5"] < levels["top10"]
    assert levels["map"] == pytest.approx(100 * right, abs=8)


def test_a_data_set_without_a_task_has_no_chance_of_it() -> None:
    windows = tiny_dataset(labels=0).test
    config = tiny_config("dataset.rule=event_reid")
    assert "target_acc" not in chance(windows, config, seed=0)


def test_a_network_keeps_its_mode() -> None:
    network = Label(axis=3).train()
    evaluate("target", network, Raw(), TEST, CONFIG, seed=0)
    assert network.training
