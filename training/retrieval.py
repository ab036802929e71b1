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
#: Of a distance's 52, those that its lot takes: what is left is finer than a float32.
_LOT_BITS = 24


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
    if not (np.isfinite(distance) | ~allowed).all():
        raise TrainingError("is not finite", field="distance")
    match = same & allowed
    kept: NDArray[np.bool_] = np.logical_or.reduce(match, axis=1)
    # Sorted with the distance, and not looked up by its place, which takes seven times as long.
    key = _sortable(np.where(allowed[kept], distance[kept], np.inf), lots)
    key |= match[kept]
    key.sort(axis=1)
    query, place = np.nonzero(key & 1)
    matches = np.bincount(query)
    start = np.cumsum(matches) - matches
    nth = np.arange(len(place)) - start[query] + 1
    first: NDArray[np.int64] = place[start] + 1
    mean: NDArray[np.float64] = np.bincount(query, nth / (place + 1)) / matches
    return kept, first, mean


def _sortable(distance: NDArray[np.floating], lots: np.random.Generator) -> NDArray[np.int64]:
    """Even numbers that are in the order of the distances; a lot decides between equal ones."""
    # Of positive floats the bits are in their order already; there are two zeros.
    bits: NDArray[np.int64] = np.add(distance, 0.0, dtype=np.float64).view(np.int64)
    bits ^= (bits >> 63) & np.iinfo(np.int64).max
    bits &= -(2 << _LOT_BITS)
    bits |= lots.integers(1 << _LOT_BITS, size=bits.shape, dtype=np.int32).astype(np.int64) << 1
    return bits
