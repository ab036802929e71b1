"""An excerpt of a data set that has more test windows than there is time to attack."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from training.audit.case import chosen
from training.datasets.window_set import Dataset, WindowSet

#: Recordings of each person that are left at least, of who has so many: people are looked for in
#: other recordings of theirs.
_FEWEST = 8


def excerpt(dataset: Dataset, most: int, run: int, generator: np.random.Generator) -> Dataset:
    """``dataset`` with ``most`` test windows or a few less; all of it if it has no more.

    ::

        recording   |     7     |     8     |     9     |    10     |   ...
        kept              |-----|             |-----|    |-----|

    Of each person as many windows, in runs of consecutive ones, drawn at random: so the attacks
    that put windows together still meet what follows each other. A run is of one recording and
    ``run`` windows long or longer, where that leaves several. Everybody keeps recordings of the
    same labels, each under the same two conditions: who links a session with another one would be
    misled by what people do in them, if that were not the same. The notes say that windows were
    left out.
    """
    test = dataset.test
    if len(test) <= most:
        return dataset
    own = [np.flatnonzero(test.subject == person) for person in np.unique(test.subject)]
    share = max(1, _level(np.array([len(places) for places in own]), most))
    ranks = _ranks(test.label, generator), _ranks(test.condition, generator)
    kept = [_runs(test, places, share, run, ranks, generator) for places in own]
    places = np.sort(np.concatenate(kept))
    note = (
        f"Of {len(test)} test windows {len(places)} were attacked: "
        "consecutive ones of some recordings, equally many of each person."
    )
    return replace(dataset, test=chosen(test, places), notes=(*dataset.notes, note))


def _runs(
    windows: WindowSet,
    own: NDArray[np.int64],
    most: int,
    run: int,
    ranks: tuple[NDArray[np.int64], NDArray[np.int64]],
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """At most ``most`` of one person's places ``own``, a run of each recording that is drawn.

    ``ranks`` of labels and conditions say which recordings come first.
    """
    recording = windows.recording[own]
    each = [own[recording == one] for one in np.unique(recording)]
    labels, conditions = ranks
    shown = [
        (int(labels[windows.label[of[0]]]), int(conditions[windows.condition[of[0]]]))
        for of in each
    ]
    order, units = _comparable(shown, generator)
    sizes = np.array([len(each[one]) for one in order])
    least = np.minimum(sizes, max(1, min(run, most // _FEWEST)))
    drawn = max(1, int((least.cumsum() <= most).sum()))
    # No half of what belongs together, where there is a whole.
    while 0 < drawn < len(order) and units[drawn] == units[drawn - 1] and units[drawn] != units[0]:
        drawn -= 1
    length = _level(sizes[:drawn], most)
    runs = []
    for one in order[:drawn]:
        begin = int(generator.integers(max(0, len(each[one]) - length) + 1))
        runs.append(each[one][begin : begin + length])
    return np.concatenate(runs)


def _level(sizes: NDArray[np.int64], most: int) -> int:
    """The most that each of ``sizes`` may keep, so that all together keep at most ``most``."""
    left = most
    for place, size in enumerate(np.sort(sizes).tolist()):
        level = left // (len(sizes) - place)
        if size > level:
            return level
        left -= size
    return int(sizes.max())


def _ranks(values: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """Of each value its place in a random order."""
    return generator.permutation(int(values.max()) + 1)


def _comparable(
    shown: Sequence[tuple[int, int]], generator: np.random.Generator
) -> tuple[list[int], list[tuple[int, int, int]]]:
    """An order of recordings, each ``shown`` a label and a condition, and its units.

    A unit is one label under two conditions; recordings of another two conditions come when all
    labels have come, and repetitions when all else has.
    """
    times: Counter[tuple[int, int]] = Counter()
    keys = {}
    for one in generator.permutation(len(shown)).tolist():
        label, condition = shown[one]
        repetition = times[shown[one]]
        times[shown[one]] += 1
        keys[one] = (repetition, condition // 2, label), condition
    order = sorted(keys, key=lambda one: keys[one])
    return order, [keys[one][0] for one in order]
