"""Some windows of many: read when they are asked for, not copied before."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from training.datasets.packed import Packed


class Rows:
    """Rows of one array or several, packed or not, one after the other, uint8 ``[N, ...]``.

    It takes indices along the first axis as an array does, and gives arrays: one row for a number,
    copies of rows for a slice or an array of places. An hour of windows is gigabytes, which lie on
    the disk as long as nobody looks at them; an audit looks at thousands, a hundred at a time.
    """

    def __init__(
        self, parts: Sequence[NDArray[np.uint8] | Packed], places: NDArray[np.int64]
    ) -> None:
        self._parts = tuple(parts)
        self._places = places
        #: Where each part ends among the rows of all.
        self._ends = np.cumsum([len(part) for part in parts])

    @classmethod
    def all_of(cls, windows: Sequence["NDArray[np.uint8] | Packed | Rows"]) -> Self:
        """All rows of ``windows``, one after the other; one at least."""
        parts: list[NDArray[np.uint8] | Packed] = []
        places: list[NDArray[np.int64]] = []
        before = 0
        for one in windows:
            own = one if isinstance(one, Rows) else cls((one,), np.arange(len(one)))
            parts += own._parts
            places.append(before + own._places)
            before += int(own._ends[-1])
        return cls(parts, np.concatenate(places))

    def chosen(self, places: NDArray[np.int64]) -> Self:
        """The rows at ``places``, which are not read yet."""
        return type(self)(self._parts, self._places[places])

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array of all rows."""
        return (len(self), *self._parts[0].shape[1:])

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return (self[place] for place in range(len(self)))

    def __getitem__(self, index: int | slice | NDArray[Any]) -> NDArray[np.uint8]:
        places = self._places[index]
        part = np.searchsorted(self._ends, places, side="right")
        if np.ndim(places) == 0:
            return self._row(int(part), places)
        found = np.empty((len(places), *self.shape[1:]), np.uint8)
        for one in np.unique(part):
            found[part == one] = self._row(one, places[part == one])
        return found

    def _row(self, part: int, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        start = self._ends[part] - len(self._parts[part])
        rows: NDArray[np.uint8] = self._parts[part][places - start]
        return rows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """All rows, read; there is nothing that could be given without a copy."""
        if copy is False:
            raise ValueError("rows that are not read yet are no array without a copy")
        return self[:].astype(dtype or np.uint8, copy=False)
