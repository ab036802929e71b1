import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torchmetrics.retrieval import RetrievalHitRate, RetrievalMAP

from training.errors import TrainingError
from training.retrieval import cmc_and_map


def _random(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    queries, gallery, people = generator.integers(1, 12), generator.integers(1, 60), 5
    # All distances differ, so that there is one ranking.
    distance = generator.permutation(queries * gallery).reshape(queries, gallery) / 7 - 3
    allowed = generator.random((queries, gallery)) < generator.random()
    subjects = generator.integers(0, people, queries), generator.integers(0, people, gallery)
    return distance, *subjects, allowed


@pytest.fixture
def _few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distances come in parts, of one to all queries."""
    monkeypatch.setattr("training.retrieval._CELLS", 100)


@pytest.mark.usefixtures("_few_at_a_time")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10_000))
def test_torchmetrics_finds_the_same(seed: int) -> None:
    distance, query, gallery, allowed = _random(seed)
    found = cmc_and_map(distance.__getitem__, np.arange(len(query)), query, gallery, allowed)
    row, column = np.nonzero(allowed)
    if not len(row):
        assert len(found.query) == 0 and found.dropped == len(query)
        return
    arguments = (
        # As probabilities: torchmetrics takes what is not above 0 for not found.
        torch.from_numpy(1 - (distance[row, column] + 3) / 100),
        torch.from_numpy(query[row] == gallery[column]),
    )
    answerable = np.unique(row[query[row] == gallery[column]])
    np.testing.assert_array_equal(found.query, answerable)
    assert found.dropped == len(query) - len(answerable)
    if not len(answerable):
        return
    indexes = torch.from_numpy(row)
    expected = RetrievalMAP(empty_target_action="skip")(*arguments, indexes=indexes)
    assert found.mean_average_precision == pytest.approx(float(expected), abs=1e-5)
    for k in (1, 5, 10):
        hit = RetrievalHitRate(empty_target_action="skip", top_k=k)
        assert found.cmc(k) == pytest.approx(float(hit(*arguments, indexes=indexes)), abs=1e-6)


def test_ranks_and_precision_of_a_query_by_hand() -> None:
    found = cmc_and_map(
        np.array([[0.1, 0.2, 0.3, 0.4, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0]]).__getitem__,
        np.arange(2),
        np.array([7, 8]),
        np.array([1, 7, 7, 1, 7]),
        np.array([[True, False, True, True, True], [True] * 5]),
    )
    assert found.query.tolist() == [0] and found.dropped == 1
    assert found.hits_at.tolist() == [2]
    assert found.average_precision.tolist() == [(1 / 2 + 2 / 4) / 2]


def test_a_network_that_says_the_same_of_everyone_finds_people_by_chance() -> None:
    subject = np.repeat(np.arange(6), 50)
    same, query = np.zeros((300, 300)), np.arange(300)
    found = cmc_and_map(same.__getitem__, query, subject, subject, ~np.eye(300, dtype=bool))
    assert found.cmc(1) == pytest.approx(1 / 6, abs=0.07)


def test_a_zero_is_no_nearer_for_its_sign() -> None:
    distance, query = np.tile([-0.0, 0.0], (400, 1)), np.arange(400)
    everyone = np.ones((400, 2), bool)
    found = cmc_and_map(
        distance.__getitem__, query, np.ones(400, np.int64), np.array([0, 1]), everyone
    )
    assert found.cmc(1) == pytest.approx(1 / 2, abs=0.1)


def test_without_queries_there_is_no_number() -> None:
    nobody = np.zeros(0, np.int64)
    found = cmc_and_map(
        np.zeros((0, 0)).__getitem__, nobody, nobody, nobody, np.zeros((0, 0), bool)
    )
    assert np.isnan(found.cmc(1)) and np.isnan(found.mean_average_precision)


def test_a_distance_that_is_no_number_is_refused_where_it_counts() -> None:
    subject = np.array([0, 0])
    distance = np.array([[np.nan, 1.0], [1.0, np.nan]])
    cmc_and_map(distance.__getitem__, np.arange(2), subject, subject, ~np.eye(2, dtype=bool))
    with pytest.raises(TrainingError, match="distance: is not finite"):
        cmc_and_map(distance.__getitem__, np.arange(2), subject, subject, np.ones((2, 2), bool))
