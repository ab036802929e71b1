"""Words that are hard to hear, against SciPy, closed forms and people who are made up."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from training.audit.strangers import Strangers, heard
from training.audit.tables import Prior, tabled

WORDS = 3


def test_a_word_is_as_likely_as_its_noise() -> None:
    generator = np.random.default_rng(0)
    book = generator.normal(size=(4, 2))
    mixes = np.array([[1.0, 0.5], [0.0, 0.7]])
    noise = generator.normal(size=(200_000, 2)) @ mixes
    points = generator.normal(size=(5, 2))
    found = heard(points, book, noise)
    for point, likely in zip(points, found, strict=True):
        density = [multivariate_normal(word, mixes.T @ mixes).pdf(point) for word in book]
        np.testing.assert_allclose(likely, density / max(density), rtol=0.05)


def test_without_noise_a_word_is_certain() -> None:
    book = np.array([[0.0], [5.0]])
    found = heard(np.array([[5.0], [0.0]]), book, np.zeros((3, 1)))
    assert found.argmax(axis=1).tolist() == [1, 0]
    assert found.min() < 1e-9


def test_of_certain_words_the_bayes_factor_has_its_closed_form() -> None:
    generator = np.random.default_rng(1)
    prior = Prior(np.array([[4.0, 1.0, 1.0], [1.0, 5.0, 2.0], [1.0, 1.0, 3.0]]))
    doing, words = generator.integers(0, WORDS, (2, 60))
    places = np.arange(60).reshape(6, 10)
    strangers = Strangers.drawn(prior, 40_000, np.random.default_rng(2))
    found = strangers.apart(doing, np.eye(WORDS)[words], places)(np.arange(6))
    tables = tabled(doing, words, places, WORDS)
    np.testing.assert_allclose(found, prior.distances(tables, tables), atol=0.25)


def test_where_nothing_can_be_heard_nothing_is_known() -> None:
    prior = Prior(np.ones((WORDS, WORDS)))
    strangers = Strangers.drawn(prior, 100, np.random.default_rng(0))
    places = np.arange(20).reshape(4, 5)
    apart = strangers.apart(np.zeros(20, np.int64), np.ones((20, WORDS)), places)
    np.testing.assert_allclose(apart(np.arange(4)), 0, atol=1e-9)


def test_what_is_done_is_told_by_a_whole_recording() -> None:
    strangers = Strangers.drawn(Prior(20 * np.eye(WORDS) + 1), 500, np.random.default_rng(0))
    recording = np.array([7, 7, 7, 9, 9])
    likely = np.array([[1, 0.9, 0.1], [0.9, 1, 0.1], [1, 0.1, 0.1], [0.1, 0.5, 1], [0.1, 0.9, 1]])
    assert strangers.doing(recording, likely).tolist() == [0, 0, 0, 2, 2]


@pytest.mark.parametrize("loud", [5.0, 1.5])
def test_who_asks_what_is_likely_finds_more_than_who_asks_what_is_likeliest(loud: float) -> None:
    generator = np.random.default_rng(3)
    own = generator.dirichlet([6, 1, 1], 80)
    # Forty of them are there twice, of the others he knows what is said.
    said = np.stack([generator.choice(WORDS, 100, p=own[k // 2]) for k in range(80)]).reshape(-1)
    known = np.zeros((40, WORDS, WORDS), np.int64)
    known[:, 0] = [generator.multinomial(100, one) for one in own[40:]]
    prior = Prior.learned(known)
    book = loud * np.eye(WORDS)
    published = book[said] + generator.normal(size=(8000, WORDS))
    likely = heard(published, book, generator.normal(size=(4000, WORDS)))
    rows, places = np.zeros(8000, np.int64), np.arange(8000).reshape(80, 100)

    def found(distance: NDArray[np.floating]) -> float:
        nearest = np.where(np.eye(80, dtype=bool), np.inf, distance).argmin(axis=1)
        return float((nearest // 2 == np.arange(80) // 2).mean())

    strangers = Strangers.drawn(prior, 2000, np.random.default_rng(0))
    by_ear = found(strangers.apart(rows, likely, places)(np.arange(80)))
    tables = tabled(rows, likely.argmax(axis=1), places, WORDS)
    by_count = found(prior.distances(tables, tables))
    assert by_ear > 5 / 79
    assert by_ear > by_count
