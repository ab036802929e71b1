"""Windows in batches: drawn as whole index arrays, in an order that only the epoch decides."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from training.config import BatchPart
from training.datasets.window_set import WindowSet
from training.errors import TrainingError
from training.seeds import numpy_generator


class Batch(NamedTuple):
    """``N`` raw windows and what they show."""

    #: uint8 counts ``[N, 2T, H, W]``.
    windows: Tensor
    #: int64 ``[N]``: which of the training set's people, counted from 0.
    identity: Tensor
    #: int64 ``[N]``: which gesture or emotion.
    label: Tensor


class _Windows(Dataset[Batch]):
    """A set that is asked for whole batches."""

    def __init__(self, windows: WindowSet) -> None:
        self._windows = windows.windows
        self._identity = identities(windows)
        self._label = windows.label

    def __len__(self) -> int:
        return len(self._label)

    def __getitem__(self, index: NDArray[np.int64]) -> Batch:
        return Batch(
            torch.from_numpy(np.asarray(self._windows[index])),
            torch.from_numpy(self._identity[index]),
            torch.from_numpy(self._label[index]),
        )


class EpochBatches(Sampler[NDArray[np.int64]]):
    """Index arrays of one epoch after another.

    Balanced batches hold ``identities`` people and equally many windows of each, drawn
    without repetition where a person has enough (Hermans et al., 2017: P x K batches); others
    are a random order cut into pieces. Of several processes (``world``) each gets its own
    batches, and all get equally many.
    """

    def __init__(
        self,
        identity: NDArray[np.int64],
        part: BatchPart,
        *,
        balanced: bool,
        seed: int,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        windows = min(len(identity), part.windows_per_epoch or len(identity))
        if windows < 2:
            raise TrainingError("a training set of fewer than two windows")
        self._size = min(part.size, windows)
        self._people = part.identities if balanced else None
        self._of = [np.flatnonzero(identity == one) for one in np.unique(identity)]
        if self._people is not None and self._people > len(self._of):
            raise TrainingError(
                f"is {self._people}, the training set has {len(self._of)}",
                source="configuration",
                field="batch.identities",
            )
        self._windows = len(identity)
        self._batches = windows // self._size
        self._seed, self._rank, self._world = seed, rank, world
        self._own = math.ceil(self._batches / world)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch that the next iteration is (Lightning calls it)."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._own

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        generator = numpy_generator(self._seed, "batches", self._epoch)
        order = generator.permutation(self._windows)
        for position in range(self._own * self._world):
            if self._people is None:
                # The last ranks start over where the batches do not come out even.
                start = position % self._batches * self._size
                batch = order[start : start + self._size]
            else:
                batch = self._balanced(self._people, generator)
            if position % self._world == self._rank:
                yield batch

    def _balanced(self, people: int, generator: np.random.Generator) -> NDArray[np.int64]:
        each = max(1, self._size // people)
        chosen = generator.choice(len(self._of), people, replace=False)
        return np.concatenate(
            [generator.choice(self._of[i], each, replace=len(self._of[i]) < each) for i in chosen]
        )


def identities(windows: WindowSet) -> NDArray[np.int64]:
    """int64 ``[N]``: the people of ``windows`` counted from 0, in the order of their index."""
    return np.unique(windows.subject, return_inverse=True)[1].astype(np.int64)


def batches(windows: WindowSet, sampler: EpochBatches) -> DataLoader[Batch]:
    """A loader of ``windows`` in the order of ``sampler``."""
    return DataLoader(_Windows(windows), batch_size=None, sampler=sampler)
