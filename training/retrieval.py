"""How well queries are found in a gallery: CMC and mean average precision.

Rank 1 is the nearest window that the protocol allows. CMC at k is the share of queries with a
true match (same subject) among the first k; average precision is the mean, over a query's true
matches, of the precision at their ranks (Zheng et al., "Scalable Person Re-identification",
ICCV 2015, Sec. 4).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError


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
    distance: NDArray[np.floating],
    query_subject: NDArray[np.int64],
    gallery_subject: NDArray[np.int64],
    allowed: NDArray[np.bool_],
) -> Ranking:
    """Rank the gallery for every query by ``distance`` ``[Q, N]``, nearest first.

    ``query_subject`` ``[Q]``, ``gallery_subject`` ``[N]``; ``allowed`` bool ``[Q, N]`` says
    which windows are in a query's gallery. Equal distances are ranked by a fixed lot, so that a
    network that says the same of everyone finds people at the rate of chance.

    Raises :class:`TrainingError` if a distance is not finite.
    """
    if not np.isfinite(distance[allowed]).all():
        raise TrainingError("is not finite", field="distance")
    match = (query_subject[:, None] == gallery_subject[None, :]) & allowed
    kept = np.flatnonzero(match.any(axis=1))
    if not len(kept):
        return Ranking(kept, np.zeros(0, np.int64), np.zeros(0), dropped=len(distance))
    near = np.where(allowed[kept], distance[kept], np.inf)
    lot = np.random.default_rng(0).random(near.shape)
    # The last key of lexsort is the first to decide; what is not allowed stays behind all.
    order = np.lexsort((lot, near), axis=1)
    ranked = np.take_along_axis(match[kept], order, axis=1)
    rank = np.arange(1, ranked.shape[1] + 1)
    precision = np.cumsum(ranked, axis=1) / rank
    return Ranking(
        query=kept,
        hits_at=np.argmax(ranked, axis=1) + 1,
        average_precision=np.where(ranked, precision, 0).sum(axis=1) / ranked.sum(axis=1),
        dropped=len(distance) - len(kept),
    )
