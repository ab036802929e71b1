"""What an attacker ends with: a point for every window, or group of windows, that was seen."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.config import Config
from training.datasets.window_set import WindowSet
from training.evaluate import ReidScores, ranked
from training.retrieval import DistanceOf, cmc_and_map

#: Of the largest number in an embedding: what differs by less is the same.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class Sightings:
    """``M`` points of an embedding, near where the attacker takes two for one person.

    ``embedding`` float32 ``[M, E]``; ``of`` says whom and what each of them shows: a
    :class:`WindowSet` of length M without pictures.
    """

    embedding: NDArray[np.float32]
    of: WindowSet

    def __post_init__(self) -> None:
        if len(self.embedding) != len(self.of.subject):
            raise ValueError("as many points as windows")

    def ranked(self, config: Config, seed: int) -> ReidScores:
        """How well people are found again, by the query and gallery of ``config``."""
        return ranked(self.of, config, seed, between(self.embedding))

    def among(self, query: NDArray[np.int64], gallery: NDArray[np.bool_]) -> ReidScores:
        """How well the points at ``query`` ``[Q]`` are found among ``gallery`` bool ``[Q, M]``."""
        return found_among(between(self.embedding), self.of.subject, query, gallery)


def found_among(
    distance: DistanceOf,
    subject: NDArray[np.int64],
    query: NDArray[np.int64],
    gallery: NDArray[np.bool_],
) -> ReidScores:
    """How well those at ``query`` ``[Q]`` are found by ``distance`` among ``gallery`` ``[Q, M]``.

    ``subject`` ``[M]`` says who each of them is.
    """
    ranking = cmc_and_map(distance, query, subject[query], subject, gallery)
    return ReidScores(
        subject=tuple(subject[query[ranking.query]].tolist()),
        hits_at=tuple(ranking.hits_at.tolist()),
        average_precision=tuple(ranking.average_precision.tolist()),
        dropped=ranking.dropped,
    )


def guessed(
    subject: NDArray[np.int64], query: NDArray[np.int64], gallery: NDArray[np.bool_]
) -> float:
    """Percent of top-1 that a random order of each query's gallery gets, on average."""
    right = (subject[query][:, None] == subject[None, :]) & gallery
    answered = right.any(axis=1)
    return 100 * float((right.sum(1) / gallery.sum(1).clip(1))[answered].mean())


def between(points: NDArray[np.float32]) -> DistanceOf:
    """The :func:`distances` of some of the ``points`` ``[N, E]`` and all of them."""
    wide = points.astype(np.float64)
    return lambda some: distances(wide[some], wide)


def distances(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean distances ``[Q, N]`` of the rows ``[Q, E]`` and ``[N, E]``.

    Differences that float32 networks make by rounding, batch by batch, are none: they would tell
    which windows were looked at together.
    """
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
    found = np.sqrt(np.maximum(squares, 0))
    grid = _ROUNDING * max(1e-30, float(np.abs(other).max(initial=0)))
    rounded: NDArray[np.float64] = np.round(found / grid) * grid
    return rounded


def without_pictures(windows: WindowSet) -> WindowSet:
    """Who and what ``windows`` show, and nothing to see."""
    return replace(windows, windows=np.zeros((len(windows.subject), 0), np.uint8))
