"""Windows of a data set with who made them, and how they are split."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.datasets.rows import Rows

Split = Literal["train", "test"]

#: Value of :attr:`WindowSet.label` in a data set without a task.
NO_LABEL = -1


@dataclass(frozen=True)
class WindowSet:
    """The ``N`` windows of one split, those of a recording one after the other.

    ``windows`` uint8 ``[N, 2T, H, W]``, counts that stop at 255, maybe memory-mapped and
    read-only, or some rows of such arrays. The others int64 ``[N]``: ``subject``, ``label`` and
    ``condition`` (lighting or camera) are places in the tuples of the :class:`Dataset`;
    ``recording`` numbers the recordings.
    """

    windows: NDArray[np.uint8] | Rows
    subject: NDArray[np.int64]
    label: NDArray[np.int64]
    recording: NDArray[np.int64]
    condition: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.windows)


@dataclass(frozen=True)
class Dataset:
    """Both splits of a data set. ``labels`` is empty where there is no task."""

    name: str
    subjects: tuple[str, ...]
    labels: tuple[str, ...]
    conditions: tuple[str, ...]
    train: WindowSet
    test: WindowSet
    #: What a reader of results should know of this copy, in sentences.
    notes: tuple[str, ...] = ()
    #: Properties of people besides who they are: name, and the value of each of ``subjects``.
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
