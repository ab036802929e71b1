"""Windows in memory that are kept on no disk: most of their cells are 0, and are not kept."""

import math

import numpy as np
from numpy.typing import NDArray


class Packed:
    """``N`` windows, uint8 ``[N, 2T, H, W]``, in a bit a cell and a byte for each that is not 0.

    A part of :class:`~training.datasets.rows.Rows`: it takes the place of one window, or an array
    of places, and gives arrays.
    """

    def __init__(self, windows: NDArray[np.uint8]) -> None:
        #: As of an array of all windows.
        self.shape = windows.shape
        #: Of each window which cells are not 0, eight a byte, and these.
        self._filled: list[NDArray[np.uint8]] = []
        self._counts: list[bytes] = []
        for window in windows:
            filled = window != 0
            self._filled.append(np.packbits(filled))
            self._counts.append(window[filled].tobytes())

    @property
    def nbytes(self) -> int:
        """Memory that the windows take."""
        return sum(one.nbytes for one in self._filled) + sum(map(len, self._counts))

    def __len__(self) -> int:
        return len(self._filled)

    def __getitem__(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        asked = np.atleast_1d(places)
        cells = math.prod(self.shape[1:])
        found = np.zeros((len(asked), cells), np.uint8)
        for row, place in zip(found, asked, strict=True):
            filled = np.unpackbits(self._filled[place], count=cells).view(bool)
            row[filled] = np.frombuffer(self._counts[place], np.uint8)
        return found.reshape(*np.shape(places), *self.shape[1:])
