"""Shares of right answers, in percent, with their intervals over people."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from training.audit.report import Figure
from training.bootstrap import Interval, clustered_interval, share_interval
from training.evaluate import ReidScores
from training.seeds import numpy_generator


def share(right: Iterable[bool], people: Sequence[int], *, confidence: float = 0.95) -> Figure:
    """The share of ``right`` answers; what one person's say is one cluster.

    The same answers have the same interval, in the verdict and in the tables beside it.
    """
    values = np.asarray(right, bool)
    generator = numpy_generator("audit", "figure")
    found = share_interval(values, np.asarray(people), generator, confidence=confidence)
    return figure(_percent(found), len(values), len(set(people)))


def average(values: NDArray[np.float64], people: Sequence[int]) -> Figure:
    """The mean of ``values`` between 0 and 1, over people as in :func:`share`."""
    generator = numpy_generator("audit", "figure")
    found = clustered_interval(values, np.asarray(people), generator)
    return figure(_percent(found), len(values))


def _percent(found: Interval) -> Interval:
    return Interval(100 * found.mean, 100 * found.low, 100 * found.high)


def top1(scores: Sequence[ReidScores], *, confidence: float = 0.95) -> Figure:
    """Queries answered right, all seeds together."""
    right = [hit <= 1 for one in scores for hit in one.hits_at]
    people = [person for one in scores for person in one.subject]
    return share(right, people, confidence=confidence)


def figure(interval: Interval, of: int, people: int | None = None) -> Figure:
    """An interval as a report has it, over ``of`` values of so many ``people``."""
    return Figure(
        mean=round(interval.mean, 2),
        low=round(interval.low, 2),
        high=round(interval.high, 2),
        of=of,
        people=people,
    )
