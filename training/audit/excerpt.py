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
    ``run`` windows long or longer, where that leaves several; recordings differ in label and
    condition as far as they can. The notes say that windows were left out.
    """
    test = dataset.test
    if len(test) <= most:
        return dataset
    own = [np.flatnonzero(test.subject == person) for person in np.unique(test.subject)]
    share = max(1, _level(np.array([len(places) for places in own]), most))
    kept = [_runs(test, places, share, run, generator) for places in own]
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
    generator: np.random.Generator,
) -> NDArray[np.int64]:
    """At most ``most`` of one person's places ``own``, a run of each recording that is drawn."""
    recording = windows.recording[own]
    each = [own[recording == one] for one in np.unique(recording)]
    shown = [(int(windows.label[of[0]]), int(windows.condition[of[0]])) for of in each]
    order = _varied(shown, generator)
    sizes = np.array([len(each[one]) for one in order])
    least = np.minimum(sizes, max(1, min(run, most // _FEWEST)))
    drawn = max(1, int((least.cumsum() <= most).sum()))
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


def _varied(shown: Sequence[tuple[int, int]], generator: np.random.Generator) -> list[int]:
    """A random order of recordings, where each has ``shown`` a label and a condition.

    The next one is always of those whose label and condition came least until then.
    """
    left: list[int] = generator.permutation(len(shown)).tolist()
    labels: Counter[int] = Counter()
    conditions: Counter[int] = Counter()
    order = []
    while left:
        rarest = min(left, key=lambda one: labels[shown[one][0]] + conditions[shown[one][1]])
        left.remove(rarest)
        labels[shown[rarest][0]] += 1
        conditions[shown[rarest][1]] += 1
        order.append(rarest)
    return order
