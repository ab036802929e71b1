"""Who is looked for among whom: query and gallery of each data set's protocol.

A query is one window. Whatever the rule, windows of the query's own recording are never in
its gallery: they would be found by what the recording looks like, not by who is in it.

==========  ==========================================  =======================================
rule        queries                                     left out of the gallery
==========  ==========================================  =======================================
gesture     one a subject and label                     same subject *and* same label
see         two a subject, of different recordings      recordings of all queries
event_reid  one a person and camera                     same person *and* same camera
==========  ==========================================  =======================================

Sources: AnonyNoise, Sec. 5.1; Event-ReId, "Prepare Train and Test/Gallery set".
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.datasets.window_set import WindowSet
from training.errors import TrainingError

Rule = Literal["gesture", "see", "event_reid"]

_SEE_QUERIES = 2


def _one_of_each(groups: NDArray[np.int64], generator: np.random.Generator) -> NDArray[np.int64]:
    """A random place of every different row of ``groups`` ``[N, k]``, rows in sorted order."""
    _, inverse = np.unique(groups, axis=0, return_inverse=True)
    shuffled = generator.permutation(len(groups))
    _, first = np.unique(inverse.reshape(-1)[shuffled], return_index=True)
    return shuffled[first]


def queries(windows: WindowSet, rule: Rule, generator: np.random.Generator) -> NDArray[np.int64]:
    """Places of the query windows, int64 ``[Q]``, ordered by subject.

    Raises :class:`TrainingError` if the set has no task labels and the rule needs them.
    """
    if rule == "gesture":
        if (windows.label < 0).any():
            raise TrainingError("needs task labels, which this data set has not", field="rule")
        return _one_of_each(np.stack([windows.subject, windows.label], axis=1), generator)
    if rule == "event_reid":
        return _one_of_each(np.stack([windows.subject, windows.condition], axis=1), generator)
    # One window of every recording, then the first two recordings of every subject.
    candidates = generator.permutation(_one_of_each(windows.recording[:, None], generator))
    subject = windows.subject[candidates]
    chosen = [
        candidates[np.flatnonzero(subject == one)[:_SEE_QUERIES]] for one in np.unique(subject)
    ]
    return np.concatenate(chosen)


def allowed(windows: WindowSet, query: NDArray[np.int64], rule: Rule) -> NDArray[np.bool_]:
    """Which of the ``N`` windows each query may be answered with, bool ``[Q, N]``."""
    recording = windows.recording
    gallery: NDArray[np.bool_] = recording[query][:, None] != recording[None, :]
    if rule == "see":
        gallery &= ~np.isin(recording, recording[query])[None, :]
        return gallery
    second = windows.label if rule == "gesture" else windows.condition
    same_subject = windows.subject[query][:, None] == windows.subject[None, :]
    same_second = second[query][:, None] == second[None, :]
    gallery &= ~(same_subject & same_second)
    return gallery
