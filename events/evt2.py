"""Prophesee EVT 2.0: one event a 32-bit word.

::

    31..28 type | 27..22 time, low 6 bits | 21..11 x | 10..0 y      type 0 off, 1 on
    31..28 type | 27..0  time, high 28 bits                         type 8

Other types (triggers, vendor data) are skipped. Time wraps after 2**34 microseconds (4.8
hours); a fall of at least half of that is a wrap.
Source: Prophesee, "EVT 2.0 Format".
"""

import numpy as np
from numba import int64, njit, uint64
from numpy.typing import NDArray

from events.evt import EvtDecoder


@njit(cache=True, nogil=True)
def _decode(raw, start, state, out):  # type: ignore[no-untyped-def]
    # Indices are unsigned: numba would check signed ones for counting from the end.
    one, two, three = uint64(1), uint64(2), uint64(3)
    words = uint64(len(raw) // 4)
    room = uint64(len(out) // 2 - 1)
    epoch, timed, high = state[0], uint64(state[1]), state[2]
    base = epoch + high
    n = uint64(0)
    i = uint64(start)
    while i < words and n <= room:
        b = uint64(4) * i
        w = (
            int64(raw[b])
            | (int64(raw[b + one]) << 8)
            | (int64(raw[b + two]) << 16)
            | (int64(raw[b + three]) << 24)
        )
        i += one
        kind = w >> 28
        if kind <= 1:
            out[two * n] = base + ((w >> 22) & 0x3F)
            out[two * n + one] = ((w >> 11) & 0x7FF) | ((w & 0x7FF) << 16) | (kind << 32)
            n += timed
        elif kind == 8:
            new = (w & 0xFFFFFFF) << 6
            if timed and high - new >= (1 << 33):
                epoch += 1 << 34
            high = new
            base = epoch + high
            timed = one
    state[0], state[1], state[2] = epoch, timed, high
    return i, n


class Evt2Decoder(EvtDecoder):
    """Decodes EVT 2.0; see :class:`events.evt.EvtDecoder` for the arguments."""

    format = "evt2"
    _word_bytes = 4
    _events_per_word = 1

    def _decode(
        self, raw: NDArray[np.uint8], start: int, out: NDArray[np.int64]
    ) -> tuple[int, int]:
        word, events = _decode(raw, start, self._state, out)
        return int(word), int(events)
