"""Shares of right answers, in percent, with their intervals over people."""

from collections.abc import Iterable, Sequence

import numpy as np

from training.audit.report import Figure
from training.bootstrap import Interval, clustered_interval
from training.evaluate import ReidScores
from training.seeds import numpy_generator


def share(values: Iterable[float], people: Sequence[int], *, confidence: float = 0.95) -> Figure:
    """The mean of ``values`` in percent; what one person's say is one cluster.

    The same values have the same interval, in the verdict and in the tables beside it.
    """
    percent = 100.0 * np.asarray(values, np.float64)
    generator = numpy_generator("audit", "figure")
    interval = clustered_interval(percent, np.asarray(people), generator, confidence=confidence)
    return figure(interval, len(percent))


def top1(scores: Sequence[ReidScores], *, confidence: float = 0.95) -> Figure:
    """Queries answered right, all seeds together."""
    right = [hit <= 1 for one in scores for hit in one.hits_at]
    people = [person for one in scores for person in one.subject]
    return share(right, people, confidence=confidence)


def figure(interval: Interval, of: int) -> Figure:
    """An interval as a report has it, over ``of`` values."""
    return Figure(
        mean=round(interval.mean, 2),
        low=round(interval.low, 2),
        high=round(interval.high, 2),
        of=of,
    )
