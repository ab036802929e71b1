"""How well queries are found in a gallery: CMC and mean average precision.

Rank 1 is the nearest window that the protocol allows. CMC at k is the share of queries with a
true match (same subject) among the first k; average precision is the mean, over a query's true
matches, of the precision at their ranks (Zheng et al., "Scalable Person Re-identification",
ICCV 2015, Sec. 4).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError

#: Distances ``[q, N]`` of some queries, by what they are called, to the whole gallery.
DistanceOf = Callable[[NDArray[np.int64]], NDArray[np.floating]]
#: Distances that are in memory at a time.
_CELLS = 1 << 24


@dataclass(frozen=True)
class Ranking:
    """Of each of the ``K`` queries that have a true match in their gallery.

    ``query`` int64 ``[K]``: its place among the queries asked; ``hits_at`` int64 ``[K]``: rank
    of its first true match, from 1; ``average_precision`` float64 ``[K]``.
    """

    query: NDArray[np.int64]
    hits_at: NDArray[np.int64]
    average_precision: NDArray[np.float64]
    #: Queries left out because nobody in their gallery is the person.
    dropped: int

    def cmc(self, k: int) -> float:
        """Share of the queries with a true match among the first ``k``; NaN without queries."""
        return float((self.hits_at <= k).mean()) if len(self.hits_at) else float("nan")

    @property
    def mean_average_precision(self) -> float:
        """mAP; NaN without queries."""
        found = self.average_precision
        return float(found.mean()) if len(found) else float("nan")


def cmc_and_map(
    distance: DistanceOf,
    query: NDArray[np.int64],
    query_subject: NDArray[np.int64],
    gallery_subject: NDArray[np.int64],
    allowed: NDArray[np.bool_],
) -> Ranking:
    """Rank the gallery for every query by ``distance``, nearest first.

    ``query`` ``[Q]`` is what ``distance`` calls them; ``query_subject`` ``[Q]``,
    ``gallery_subject`` ``[N]``; ``allowed`` bool ``[Q, N]`` says which windows are in a query's
    gallery. Equal distances are ranked by a fixed lot, so that a network that says the same of
    everyone finds people at the rate of chance.

    Raises :class:`TrainingError` if a distance is not finite.
    """
    queries, windows = allowed.shape
    lots = np.random.default_rng(0)
    rows = max(1, _CELLS // max(1, windows))
    parts = [
        _ranked(
            distance(query[some]),
            query_subject[some][:, None] == gallery_subject[None, :],
            allowed[some],
            lots,
        )
        for some in np.split(np.arange(queries), range(rows, queries, rows))
    ]
    kept, hits_at, precision = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Ranking(
        query=np.flatnonzero(kept),
        hits_at=hits_at,
        average_precision=precision,
        dropped=int((~kept).sum()),
    )


def _ranked(
    distance: NDArray[np.floating],
    same: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    lots: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]:
    """Which of some queries have a true match, and these ones' ranks and precisions."""
    if not np.isfinite(distance[allowed]).all():
        raise TrainingError("is not finite", field="distance")
    match = same & allowed
    kept: NDArray[np.bool_] = np.logical_or.reduce(match, axis=1)
    near = np.where(allowed[kept], distance[kept], np.inf)
    # The last key of lexsort is the first to decide; what is not allowed stays behind all.
    order = np.lexsort((lots.random(near.shape), near), axis=1)
    ranked = np.take_along_axis(match[kept], order, axis=1)
    if not len(ranked):
        return kept, np.zeros(0, np.int64), np.zeros(0, np.float64)
    precision = np.cumsum(ranked, axis=1) / np.arange(1, ranked.shape[1] + 1)
    first: NDArray[np.int64] = np.argmax(ranked, axis=1) + 1
    mean: NDArray[np.float64] = np.where(ranked, precision, 0).sum(axis=1) / ranked.sum(axis=1)
    return kept, first, mean
