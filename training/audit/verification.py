"""Are two windows of one person? Rates of a verifier that thresholds their distance.

TPR is the share of pairs of one person that lie within a threshold, FPR that of pairs of two
people; the equal error rate is where FPR is 1 - TPR. A verifier that knows nothing has an EER of
50 % and a TPR equal to its FPR.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from models.manifest import Part
from training.bootstrap import Interval, bounds, resampled
from training.errors import TrainingError
from training.retrieval import DistanceOf

#: Of a larger set, so many windows by lot are compared: eight million pairs tell enough.
_MOST_WINDOWS = 4000
#: Bins for six people; more people have fewer, so that their counts stay a small file.
_BINS = 256
_FEWEST_BINS = 32
_MOST_COUNTS = 40_000
#: The share of pairs of two people in the nearest bin; the next ones grow by equal factors.
_NEAREST = 1e-4
#: Windows whose distances are in memory at a time.
_ROWS = 256
#: Resamples in work at a time.
_BLOCK = 500


class PairCounts(Part):
    """Histograms of distances, nearest first, by who is compared with whom.

    What an interval needs of a million pairs: the counts can be weighted by person.
    """

    #: Who there is: indices into the data set's subjects, in increasing order.
    people: tuple[int, ...]
    #: Pairs of one person, a row a person.
    genuine: tuple[tuple[int, ...], ...]
    #: Pairs of two people: a row for each two, (0, 1), (0, 2), ... (1, 2), ... by place.
    impostor: tuple[tuple[int, ...], ...]
    bins: int = Field(ge=1)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        people = len(self.people)
        if len(self.genuine) != people or len(self.impostor) != people * (people - 1) // 2:
            raise ValueError("a row a person, and a row for each two")
        if any(len(row) != self.bins for row in (*self.genuine, *self.impostor)):
            raise ValueError("every row has as many counts as there are bins")
        return self

    @property
    def telling(self) -> bool:
        """Whether there are pairs of one person, and of two."""
        return all(any(map(any, rows)) for rows in (self.genuine, self.impostor))


@dataclass(frozen=True)
class Rates:
    """In percent; NaN where there is no pair of one person or none of two."""

    #: Equal error rate: 50 knows nothing, 0 everything.
    eer: float
    #: TPR where 1 % of the pairs of two people are taken for one, and where 0.1 % are.
    tpr_at_1: float
    tpr_at_01: float


def pair_counts(
    subject: NDArray[np.int64], condition: NDArray[np.int64], distance: DistanceOf
) -> PairCounts:
    """The distances of all pairs of two conditions, whoever they are of and whatever they show.

    ``subject`` and ``condition`` ``[N]`` are of windows, or groups of windows, that ``distance``
    is between: as those are looked for of whom the top-1 is told. Bins end at quantiles of the
    pairs of two people, finest where these are rare.

    Raises :class:`TrainingError` if a distance is not finite.
    """
    total = len(subject)
    # By lot: in even steps there might be a single light.
    places = np.sort(np.random.default_rng(0).permutation(total)[:_MOST_WINDOWS])
    people, person = np.unique(subject[places], return_inverse=True)
    light = condition[places]
    far: list[NDArray[np.floating]] = []
    one: list[NDArray[np.int64]] = []
    other: list[NDArray[np.int64]] = []
    for start in range(0, len(places), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(places)))
        # Each pair once.
        pairs = (light[rows][:, None] != light[None, :]) & (rows[:, None] < np.arange(len(places)))
        query, gallery = np.nonzero(pairs)
        far.append(distance(places[rows])[:, places][pairs])
        one.append(np.minimum(person[rows[query]], person[gallery]))
        other.append(np.maximum(person[rows[query]], person[gallery]))
    if not all(np.isfinite(some).all() for some in far):
        raise TrainingError("is not finite", field="distance")
    apart = np.concatenate(far)
    first, second = np.concatenate(one), np.concatenate(other)
    same = first == second
    edges = _edges(apart[~same], len(people))
    bins = len(edges) + 1
    # Below the first edge lies what is nearer than every pair of two people.
    place = np.searchsorted(edges, apart, side="right")

    def histograms(chosen: NDArray[np.bool_], row: NDArray[np.int64], rows: int) -> ArrayLike:
        flat = np.bincount(row * bins + place[chosen], minlength=rows * bins)
        return flat.reshape(rows, bins)

    number = np.zeros((len(people), len(people)), np.int64)
    upper = np.triu_indices(len(people), 1)
    number[upper] = np.arange(len(upper[0]))
    genuine = histograms(same, first[same], len(people))
    impostor = histograms(~same, number[first[~same], second[~same]], len(upper[0]))
    return PairCounts(
        people=tuple(people.tolist()),
        genuine=_rows(genuine),
        impostor=_rows(impostor),
        bins=bins,
    )


def _edges(distance: NDArray[np.floating], people: int) -> NDArray[np.float64]:
    if not len(distance):
        return np.zeros(0)
    rows = people * (people + 1) // 2
    bins = max(_FEWEST_BINS, min(_BINS, _MOST_COUNTS // rows))
    levels = np.concatenate([[0.0], np.geomspace(_NEAREST, 1, bins - 1)[:-1]])
    return np.unique(np.quantile(distance, levels))


def _rows(counts: ArrayLike) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in np.asarray(counts).tolist())


def rates(counts: PairCounts, weights: ArrayLike | None = None) -> Rates:
    """The rates of the best thresholds; ``weights`` ``[P]`` count people otherwise than once.

    Pairs of one person count by its weight, pairs of two by the product of theirs. Between the
    bins' ends the curve of TPR over FPR is taken for straight, as that of a verifier that
    decides equal distances by lot.
    """
    people = len(counts.people)
    weight = np.ones(people) if weights is None else np.asarray(weights, np.float64)
    eer, tpr_at_1, tpr_at_01 = (float(found[0]) for found in _rates(counts, weight[None]))
    return Rates(eer, tpr_at_1, tpr_at_01)


def _rates(counts: PairCounts, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """EER, TPR at 1 % and at 0.1 % FPR in percent, ``[3, R]``, for ``weights`` ``[R, P]``."""
    people = len(counts.people)
    one, other = np.triu_indices(people, 1)
    tpr = _shares(weights, counts.genuine, counts.bins)
    fpr = _shares(weights[:, one] * weights[:, other], counts.impostor, counts.bins)
    return 100 * np.stack(
        # Where TPR + FPR is 1, FPR is the equal error rate.
        [_at(tpr + fpr, fpr, 1.0), _at(fpr, tpr, 0.01), _at(fpr, tpr, 0.001)]
    )


def _shares(
    weights: NDArray[np.float64], rows: tuple[tuple[int, ...], ...], bins: int
) -> NDArray[np.float64]:
    """Cumulated shares of the weighted ``rows``, from 0 to 1, ``[R, B + 1]``."""
    found = np.cumsum(weights @ np.array(rows, np.float64).reshape(-1, bins), axis=1)
    with np.errstate(invalid="ignore"):
        found /= found[:, -1:]
    return np.concatenate([np.zeros((len(found), 1)), found], axis=1)


def _at(x: NDArray[np.float64], y: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Of each row, the largest ``y`` where ``x``, which never falls, is ``level``."""
    # Rounding must not carry a level away from the point where it is reached.
    after = np.minimum((x <= level + 1e-12).sum(axis=1), x.shape[1] - 1)[:, None]
    before = after - 1
    x0, x1, y0, y1 = (
        np.take_along_axis(values, place, axis=1)[:, 0]
        for values in (x, y)
        for place in (before, after)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(x1 > x0, np.clip((level - x0) / (x1 - x0), 0, 1), 0.0)
    # A curve of no pairs has no point.
    found: NDArray[np.float64] = np.where(np.isfinite(x[:, -1]), y0 + share * (y1 - y0), np.nan)
    return found


def intervals(
    seeds: Sequence[PairCounts],
    generator: np.random.Generator,
    *,
    confidence: float = 0.95,
    resamples: int = 10_000,
) -> dict[str, Interval]:
    """Bootstrap intervals, over people, of the means over ``seeds`` of the :class:`Rates`.

    People are drawn with replacement, the same ones for all seeds, whose samples need not show
    everybody; a person drawn twice is not compared with itself as if it were two (Bolle, Ratha and
    Pankanti, "Error analysis of pattern recognition systems: the subsets bootstrap", CVIU 93,
    2004). The quantiles are moved out for few people, see :func:`training.bootstrap.bounds`. Of two
    people nothing can be drawn but the same two: they say nothing of others, and the bounds are 0
    and 100.

    Raises :class:`TrainingError` for no seed, and for one that is not :attr:`PairCounts.telling`.
    """
    if not seeds or not all(counts.telling for counts in seeds):
        raise TrainingError("needs pairs of one person and of two", field="verification")
    everybody = np.unique(np.concatenate([counts.people for counts in seeds]))
    people = len(everybody)
    places = [np.searchsorted(everybody, counts.people) for counts in seeds]

    def rated(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """The means over ``seeds``, ``[3, R]``, for ``weights`` ``[R, P]`` of everybody."""
        each = [
            _rates(counts, weights[:, place]) for counts, place in zip(seeds, places, strict=True)
        ]
        found: NDArray[np.float64] = np.mean(each, axis=0)
        return found

    mean = rated(np.ones((1, people)))[:, 0]
    low, high = np.zeros(3), np.full(3, 100.0)
    if people > 2:
        drawn = resampled(people, generator, resamples).astype(np.float64)
        found = np.concatenate(
            [rated(drawn[at : at + _BLOCK]) for at in range(0, resamples, _BLOCK)], axis=1
        )
        # A draw of a single person has no pair of two.
        found = found[:, np.isfinite(found).all(axis=0)]
        low, high = bounds(found, people, confidence)
    names = ("eer", "tpr_at_1", "tpr_at_01")
    return {
        name: Interval(float(mean[place]), float(low[place]), float(high[place]))
        for place, name in enumerate(names)
    }
