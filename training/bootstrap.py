"""Confidence of a mean over queries or windows that come in clusters, one an identity."""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats  # type: ignore[import-untyped]

from training.errors import TrainingError


@dataclass(frozen=True)
class Interval:
    """A mean and between which bounds it lies with the asked confidence."""

    mean: float
    low: float
    high: float


def clustered_interval(
    values: ArrayLike,
    clusters: NDArray[np.int64],
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
) -> Interval:
    """Bootstrap interval of the mean of ``values`` ``[N]`` over whole clusters ``[N]``.

    What one person's windows say is not independent, so people are drawn with replacement, not
    windows. A person that several seeds measured is still one person: give all of their values
    the same cluster, and the spread over seeds is averaged, not mistaken for more people.

    Raises :class:`TrainingError` for fewer than two clusters, which say nothing of others.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        raise TrainingError("has no values", field="interval")
    _, cluster = np.unique(clusters, return_inverse=True)
    sums = np.bincount(cluster, values)
    sizes = np.bincount(cluster)
    people = len(sums)
    if people < 2:
        raise TrainingError("needs two identities at least", field="interval")
    drawn = resampled(people, generator, resamples)
    low, high = bounds((drawn @ sums) / (drawn @ sizes), people, confidence)
    return Interval(float(values.mean()), float(low), float(high))


def share_interval(
    values: ArrayLike,
    clusters: NDArray[np.int64],
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
) -> Interval:
    """Interval of the share of true ``values`` ``[N]``: the bootstrap's, and no shorter than exact.

    Where hardly anything is true the bootstrap ends too low, and of nothing true it says that there
    is nothing. Clopper and Pearson's upper bound is right there, for as many values as would say as
    much if they were independent (Korn and Graubard, "Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data", Survey Methodology 24,
    1998): the higher one counts. Where some people are always found and most never, it still ends
    too low more often than it says, in one case of ten. Raises :class:`TrainingError` as
    :func:`clustered_interval` does.
    """
    true = np.asarray(values, bool)
    found = clustered_interval(
        true, clusters, generator, confidence=confidence, resamples=resamples
    )
    _, cluster = np.unique(clusters, return_inverse=True)
    excess = np.bincount(cluster, true - found.mean)
    people = len(excess)
    variance = float((excess**2).sum()) * people / (people - 1) / len(true) ** 2
    alone = found.mean * (1 - found.mean)
    independent = min(len(true), alone / variance) if variance else len(true)
    exact = exact_bound(
        found.mean, len(true), people, independent=independent, confidence=confidence
    )
    return replace(found, high=max(found.high, exact))


def exact_bound(
    share: float,
    values: int,
    people: int,
    *,
    independent: float | None = None,
    confidence: float = 0.95,
) -> float:
    """Upper bound of a ``share`` of so many ``values`` of so many ``people``, two at least.

    Clopper and Pearson's, for as many values as are ``independent``, all by default; of few people
    one does not know how much they differ, for which Korn and Graubard make them fewer.
    """
    tail = (1 - confidence) / 2
    fewer = stats.t.isf(tail, max(1, values - 1)) / stats.t.isf(tail, people - 1)
    effective = (values if independent is None else independent) * min(1.0, fewer) ** 2
    hits = share * effective
    return float(stats.beta.isf(tail, hits + 1, effective - hits)) if share < 1 else 1.0


def resampled(people: int, generator: np.random.Generator, resamples: int) -> NDArray[np.int64]:
    """How often each of ``people`` is in each of the ``resamples``, int64 ``[resamples, people]``.

    As many are drawn as there are, with replacement.
    """
    drawn: NDArray[np.int64] = generator.multinomial(
        people, np.full(people, 1 / people), size=resamples
    )
    return drawn


def bounds(found: NDArray[np.float64], people: int, confidence: float) -> NDArray[np.float64]:
    """Lower and upper bounds ``[2, ...]`` of what resamples of ``people`` gave, ``[..., R]``.

    With six people the plain percentile interval is too narrow; its quantiles are moved out to
    those of Student's t (the expanded percentile interval: Hesterberg, "What Teachers Should
    Know About the Bootstrap", The American Statistician 69, 2015). There must be two at least.
    """
    reach = stats.t.ppf((1 + confidence) / 2, people - 1) * sqrt(people / (people - 1))
    tail = stats.norm.sf(reach)
    between: NDArray[np.float64] = np.quantile(found, [tail, 1 - tail], axis=-1)
    return between
