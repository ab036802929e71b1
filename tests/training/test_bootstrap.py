import numpy as np
import pytest
from scipy import stats

from training.bootstrap import clustered_interval, share_interval
from training.errors import TrainingError


def test_many_clusters_give_scipys_percentile_interval() -> None:
    generator = np.random.default_rng(0)
    values = generator.random(400)
    found = clustered_interval(values, np.arange(400), np.random.default_rng(1))
    expected = stats.bootstrap(
        (values,), np.mean, method="percentile", rng=np.random.default_rng(2)
    ).confidence_interval
    assert found.mean == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=2e-3)


@pytest.mark.parametrize(("people", "windows"), [(6, 40), (20, 2)])
def test_the_interval_covers_the_truth_as_often_as_it_says(people: int, windows: int) -> None:
    generator = np.random.default_rng(people)
    clusters = np.repeat(np.arange(people), windows)
    covered = 0
    for _ in range(400):
        who = generator.normal(0.5, 0.2, people)
        values = who[clusters] + generator.normal(0, 0.4, len(clusters))
        found = clustered_interval(values, clusters, generator, resamples=800)
        covered += found.low <= 0.5 <= found.high
    assert 0.92 <= covered / 400 <= 0.99


def test_more_windows_of_the_same_people_are_no_more_people() -> None:
    who = np.array([0.1, 0.9, 0.4, 0.6, 0.5, 0.3])
    widths = []
    for windows in (1, 50):
        clusters = np.repeat(np.arange(6), windows)
        found = clustered_interval(who[clusters], clusters, np.random.default_rng(0))
        widths.append(found.high - found.low)
    assert widths[0] == pytest.approx(widths[1])


def test_people_with_more_windows_weigh_more() -> None:
    found = clustered_interval([1, 1, 1, 0], np.array([5, 5, 5, 9]), np.random.default_rng(0))
    assert found.mean == 0.75 and found.low == 0 and found.high == 1


def test_a_higher_confidence_is_a_wider_interval_and_a_seed_repeats_it() -> None:
    generator = np.random.default_rng(0)
    values, clusters = generator.random(60), np.repeat(np.arange(12), 5)
    narrow, wide, again = (
        clustered_interval(values, clusters, np.random.default_rng(3), confidence=confidence)
        for confidence in (0.8, 0.99, 0.8)
    )
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high
    assert narrow == again


@pytest.mark.parametrize(("values", "clusters"), [([], []), ([1.0, 0.0], [3, 3])])
def test_one_person_says_nothing_of_others(values: list[float], clusters: list[int]) -> None:
    with pytest.raises(TrainingError, match="interval: "):
        clustered_interval(values, np.array(clusters, np.int64), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("people", "queries", "share", "alike"), [(20, 4, 0.1, 4), (40, 4, 0.05, 50), (20, 40, 0.1, 4)]
)
def test_the_share_of_what_is_rare_is_not_taken_for_less_than_it_is(
    people: int, queries: int, share: float, alike: float
) -> None:
    """People differ by a beta distribution, the less the more ``alike`` they are."""
    generator = np.random.default_rng(people + queries)
    clusters = np.repeat(np.arange(people), queries)
    plain = exact = 0
    for _ in range(400):
        who = generator.beta(alike * share, alike * (1 - share), people)
        values = generator.random(len(clusters)) < who[clusters]
        found, narrow = (
            interval(values, clusters, np.random.default_rng(0), resamples=800)
            for interval in (share_interval, clustered_interval)
        )
        exact += found.high < share
        plain += narrow.high < share
    assert exact <= plain
    assert exact / 400 <= 0.05


def test_nobody_found_among_a_few_queries_is_no_proof_that_nobody_is() -> None:
    none = np.zeros(80, bool)
    clusters = np.repeat(np.arange(20), 4)
    found = share_interval(none, clusters, np.random.default_rng(0))
    assert (found.mean, found.low) == (0, 0)
    # Of independent queries 4.5 %, were all people known (Clopper and Pearson).
    assert 0.045 < found.high < 0.06
    everybody = share_interval(~none, clusters, np.random.default_rng(0))
    assert (everybody.low, everybody.high) == (1, 1)


def test_of_many_alike_it_is_the_exact_bound() -> None:
    values = np.arange(1000) < 30
    found = share_interval(values, np.arange(1000), np.random.default_rng(0))
    exact = stats.binomtest(30, 1000).proportion_ci(0.95, method="exact")
    assert found.high == pytest.approx(exact.high, abs=1e-4)
    assert found.low == clustered_interval(values, np.arange(1000), np.random.default_rng(0)).low
