"""Noise drawn while nobody waits for it.

A window's noise does not depend on the window, so it can be drawn before the window closes;
what a window then waits for is the model alone.
"""

import os
from collections import deque

import numpy as np
from numpy.typing import NDArray

from models.noise import NoiseSource

#: Draws kept ready: so many windows may close at once. Bounds what the memory holds.
_MOST_READY = 4


class NoiseAhead:
    """Standard normals in arrays of one shape, a few of them ready; each is handed out once.

    One draw under two windows would let their difference cancel it, so an array leaves the
    queue before it is used, and is filled anew before it comes back. A forked process drops
    what its parent drew. Not safe for several threads at once.
    """

    def __init__(self) -> None:
        self._source = NoiseSource()
        self._shape: tuple[int, ...] = ()
        self._ready: deque[NDArray[np.float32]] = deque()
        self._used: list[NDArray[np.float32]] = []
        self._process = os.getpid()

    def take(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Independent standard normals of ``shape``; drawn now where none are ready.

        The array is the caller's until it is given back.
        """
        if shape != self._shape or self._process != os.getpid():
            self._shape, self._process = shape, os.getpid()
            self._ready.clear()
            self._used.clear()
        return self._ready.popleft() if self._ready else self._draw()

    def give_back(self, noise: NDArray[np.float32]) -> None:
        """Return an array whose noise has been used, so that its memory is used again."""
        if noise.shape == self._shape and len(self._used) < _MOST_READY:
            self._used.append(noise)

    def draw_ahead(self) -> bool:
        """Draw one array of the last shape taken; False where enough are ready."""
        if not self._shape or len(self._ready) >= _MOST_READY:
            return False
        self._ready.append(self._draw())
        return True

    def _draw(self) -> NDArray[np.float32]:
        noise = self._used.pop() if self._used else np.empty(self._shape, np.float32)
        self._source.normal(noise)
        return noise
