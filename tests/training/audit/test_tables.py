"""Tables of what was said of whom, against SciPy and against people who are made up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import gammaln
from scipy.stats import betabinom

from training.audit.tables import Prior, tabled


def slowly(prior: Prior, table: np.ndarray) -> float:
    """The logarithm of the Dirichlet-multinomial likelihood, row by row."""
    total = 0.0
    for weights, numbers in zip(prior.weights, table, strict=True):
        total += gammaln(weights.sum()) - gammaln(weights.sum() + numbers.sum())
        total += float((gammaln(weights + numbers) - gammaln(weights)).sum())
    return total


def test_of_two_things_a_row_is_beta_binomial() -> None:
    prior = Prior(np.array([[2.0, 3.0], [0.5, 0.5]]))
    table = np.array([[[4, 1], [0, 0]]])
    # Of one order of the five only.
    expected = betabinom.logpmf(4, 5, 2.0, 3.0) - np.log(5)
    assert prior.likelihood(table)[0] == pytest.approx(expected)


@given(st.integers(0, 1000), st.integers(1, 4), st.integers(0, 30))
def test_the_bayes_factor_is_that_of_whole_tables(seed: int, size: int, most: int) -> None:
    generator = np.random.default_rng(seed)
    prior = Prior(generator.gamma(1.0, 1.0, (size, size)) + 1e-3)
    tables = generator.integers(0, most + 1, (5, size, size))
    tables[0] = 0
    found = prior.distances(tables[1:3], tables)
    for row, one in zip(found, tables[1:3], strict=True):
        for distance, other in zip(row, tables, strict=True):
            expected = slowly(prior, one) + slowly(prior, other) - slowly(prior, one + other)
            assert distance == pytest.approx(expected, abs=1e-6)
    # Of whom nothing is known nothing can be said.
    assert np.allclose(found[:, 0], 0)


def test_windows_are_counted_by_what_they_show_and_what_is_said() -> None:
    rows, words = np.array([0, 0, 1, 1, 0]), np.array([0, 1, 1, 1, 0])
    found = tabled(rows, words, np.array([[0, 1], [2, 3], [4, 0]]), 2)
    assert found.tolist() == [[[1, 1], [0, 0]], [[0, 0], [0, 2]], [[2, 0], [0, 0]]]


@pytest.mark.parametrize(("strength", "other"), [(1.0, 64.0), (64.0, 1.0)])
def test_how_alike_people_are_is_learned_from_them(strength: float, other: float) -> None:
    generator = np.random.default_rng(0)
    mean = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]])
    tables = np.array(
        [
            [generator.multinomial(50, generator.dirichlet(strength * row)) for row in mean]
            for _ in range(60)
        ]
    )
    learned = Prior.learned(tables).weights.sum(axis=1)
    assert np.all(np.abs(np.log(learned / strength)) < np.abs(np.log(learned / other)))


def test_who_is_mistaken_in_ways_of_his_own_is_known_by_it() -> None:
    generator = np.random.default_rng(1)
    own = np.array([[generator.dirichlet([6, 1, 1]) for _ in range(3)] for _ in range(40)])

    def session(person: int) -> np.ndarray:
        return np.array([generator.multinomial(60, row) for row in own[person]])

    prior = Prior.learned(np.array([session(person) for person in range(20, 40)]))
    one, other = (np.array([session(person) for person in range(20)]) for _ in range(2))
    nearest = prior.distances(one, other).argmin(axis=1)
    assert (nearest == np.arange(20)).mean() > 0.5
