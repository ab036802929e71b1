"""Consecutive windows of one person: sessions, groups, and linking the one to the other.

A session is one subject under one condition (lighting or camera), its recordings one after the
other, as somebody makes one gesture after the next before the camera::

    recording    |      7      |      8      |   ...  |     17      |
    window        0   1   2   3   0   1   2   3         0   1   2   3
    groups of 2   |---|   |---|   |---|   |---|         |---|   |---|
    groups of 8   |---------------------------|   ...

Groups never overlap. As long as recordings have enough windows, a group lies within one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from training.audit.case import chosen
from training.audit.findings import Point
from training.audit.sightings import Sightings, between, found_among, guessed
from training.audit.verification import PairCounts, pair_counts
from training.datasets.window_set import WindowSet
from training.errors import TrainingError
from training.evaluate import ReidScores
from training.retrieval import DistanceOf

_FEWEST_PEOPLE = 2
#: Of so few sessions all count.
_FEW = 4
#: Groups that are looked for; the others are there to be found.
_MOST_QUERIES = 4000


def sessions(windows: WindowSet) -> NDArray[np.int64]:
    """Which session each of the ``N`` windows belongs to, counted from 0, int64 ``[N]``."""
    columns = np.stack([windows.subject, windows.condition], axis=1)
    return np.unique(columns, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def in_order(windows: WindowSet) -> list[NDArray[np.int64]]:
    """The places of each session's windows, recording after recording, int64 ``[n]`` each."""
    session = sessions(windows)
    order = np.lexsort((np.arange(len(session)), windows.recording, session))
    return [order[session[order] == one] for one in range(session.max() + 1)]


def longest(*sets: WindowSet) -> int:
    """Windows that nearly every session of each of ``sets`` has: the largest group to look for.

    A tenth of the sessions may be shorter, of few sessions one, and give no group of so many: a
    single camera that was pulled out early must not hide what longer stays tell.
    """
    return min(_longest(np.sort(np.bincount(sessions(windows)))) for windows in sets)


def _longest(sizes: NDArray[np.int64]) -> int:
    left_out = max(1, len(sizes) // 10) if len(sizes) > _FEW else 0
    return int(sizes[left_out])


def reachable(counts: Sequence[int], *sets: WindowSet) -> list[int]:
    """Those of ``counts`` that nearly every session of ``sets`` has as windows.

    Raises :class:`TrainingError` if there is none.
    """
    most = longest(*sets)
    found = [count for count in counts if count <= most]
    if not found:
        raise TrainingError(f"no session has {min(counts)} windows", field="consecutive windows")
    return found


def some_sessions(windows: WindowSet, most: int, generator: np.random.Generator) -> WindowSet:
    """Whole sessions, at random, until there are ``most`` windows or a little more."""
    session = sessions(windows)
    order = generator.permutation(session.max() + 1)
    sizes = np.bincount(session)[order]
    kept = order[np.cumsum(sizes) - sizes < most]
    return chosen(windows, np.flatnonzero(np.isin(session, kept)))


def groups(windows: WindowSet, count: int) -> NDArray[np.int64]:
    """Places of ``count`` consecutive windows each, int64 ``[G, count]``, session by session.

    Raises :class:`TrainingError` if no session has so many.
    """
    return _cut(windows, count, step=count)


def runs(windows: WindowSet, count: int) -> NDArray[np.int64]:
    """As :func:`groups`, but one begins with every window, so that they overlap."""
    return _cut(windows, count, step=1)


def _cut(windows: WindowSet, count: int, step: int) -> NDArray[np.int64]:
    pieces = in_order(windows)
    if count <= int(np.unique(windows.recording, return_counts=True)[1].min()):
        pieces = [part for piece in pieces for part in _recordings(piece, windows)]
    found = [sliding_window_view(piece, count)[::step] for piece in pieces if len(piece) >= count]
    if not found:
        raise TrainingError(f"no session has {count} windows", field="consecutive windows")
    made: NDArray[np.int64] = np.concatenate(found)
    return made


def _recordings(places: NDArray[np.int64], windows: WindowSet) -> list[NDArray[np.int64]]:
    _, firsts = np.unique(windows.recording[places], return_index=True)
    return np.split(places, firsts[1:])


def linked(
    windows: WindowSet, places: NDArray[np.int64], points: NDArray[np.float32]
) -> tuple[ReidScores, float]:
    """How well groups are told to be of one person, and the percentage that a guess gets.

    ``points`` ``[G, E]`` are where the attacker puts the groups ``places`` ``[G, count]``. Every
    group is looked for among those of the other conditions, whoever made them: nobody is found
    by the light, nor by a session's own recordings. Raises :class:`TrainingError` where nobody is
    in two conditions.
    """
    return searched(windows, places, between(points))


def searched(
    windows: WindowSet, places: NDArray[np.int64], distance: DistanceOf
) -> tuple[ReidScores, float]:
    """As :func:`linked`, of groups of which only the ``distance`` is known."""
    subject, query, gallery = _asked(windows, places)
    return found_among(distance, subject, query, gallery), guessed(subject, query, gallery)


def put_together(windows: WindowSet, places: NDArray[np.int64], distance: DistanceOf) -> Point:
    """As :func:`searched`, as a point of a curve over how many windows a group has."""
    scores, chance = searched(windows, places, distance)
    return Point(count=places.shape[1], identity=scores, chance=chance)


def verified(windows: WindowSet, places: NDArray[np.int64], distance: DistanceOf) -> PairCounts:
    """Of which two groups of different conditions it is said that they are of one person.

    Raises :class:`TrainingError` where fewer than two people have such groups: what is found of one
    says nothing of others.
    """
    first = places[:, 0]
    counts = pair_counts(windows.subject[first], windows.condition[first], distance)
    if sum(any(row) for row in counts.genuine) < _FEWEST_PEOPLE:
        raise TrainingError(
            f"fewer than {_FEWEST_PEOPLE} people are so long in two lightings",
            field=f"{places.shape[1]} consecutive windows",
        )
    return counts


def alone(sightings: Sightings) -> tuple[ReidScores, float]:
    """As :func:`linked`, of single windows."""
    places = groups(sightings.of, 1)
    return linked(sightings.of, places, sightings.embedding[places[:, 0]])


def guess(windows: WindowSet) -> float:
    """The percentage that a guess gets of single windows; raises as :func:`linked` does."""
    return guessed(*_asked(windows, groups(windows, 1)))


def _asked(
    windows: WindowSet, places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Whom the groups show ``[G]``, those looked for ``[Q]``, and among which ``[Q, G]``."""
    first = places[:, 0]
    subject, condition = windows.subject[first], windows.condition[first]
    # Evenly, over everybody: with more of them one knows no better, and waits.
    query = np.unique(np.linspace(0, len(first) - 1, _MOST_QUERIES).astype(np.int64))
    gallery = condition[query][:, None] != condition[None, :]
    if not (gallery & (subject[query][:, None] == subject[None, :])).any():
        raise TrainingError("nobody is in two lightings or before two cameras", field="sessions")
    return subject, query, gallery
