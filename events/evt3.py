"""Prophesee EVT 3.0: 16-bit words that say only what changed.

::

    15..12 type     11..0
    0 y             10..0 the row of the events to come
    2 x             11 polarity, 10..0 column: an event
    3 vector base   11 polarity, 10..0 column
    4 vector of 12  which of base .. base + 11; then base moves on by 12
    5 vector of 8   7..0 which of base .. base + 7; then base moves on by 8
    6 time low      low 12 bits of the time
    8 time high     high 12 bits of the time

Other types (triggers, continued data, vendor data) are skipped. Time wraps after 2**24
microseconds (16.8 s); a fall of at least half of that is a wrap. Sensors now and then say a
time low that falls back by some microseconds under the same time high; time stands still then.
Source: Prophesee, "EVT 3.0 Format".
"""

import numpy as np
from numba import int64, njit, uint64
from numpy.typing import NDArray

from events.evt import EvtDecoder

#: Position of the lowest set bit of every 12-bit mask.
_LOWEST = np.array([max((m & -m).bit_length() - 1, 0) for m in range(4096)], np.uint8)


@njit(cache=True, nogil=True)
def _decode(raw, start, state, out):  # type: ignore[no-untyped-def]
    # Which type comes next is hardly predictable, so the frequent ones are handled by
    # selection instead of branches, and an event that is none is overwritten by the next.
    one, two, none = uint64(1), uint64(2), uint64(0)
    words = uint64(len(raw) // 2)
    room = uint64(len(out) // 2 - 12)
    epoch, timed, time, y, base, p = (
        state[0],
        uint64(state[1]),
        state[2],
        state[3],
        state[4],
        state[5],
    )
    t = epoch + time
    n = none
    i = uint64(start)
    while i < words and n <= room:
        w = int64(raw[two * i]) | (int64(raw[two * i + one]) << 8)
        i += one
        kind = w >> 12
        x = w & 0x7FF
        polarity = (w & 0x800) << 21
        y = x << 16 if kind == 0 else y
        base = x if kind == 3 else base
        p = polarity if kind == 3 else p
        time = max(time, (time & 0xFFF000) | (w & 0xFFF)) if kind == 6 else time
        t = epoch + time
        out[two * n] = t
        out[two * n + one] = x | y | polarity
        n += timed if kind == 2 else none
        if kind in (4, 5):
            mask = w & 0xFFF if kind == 4 else w & 0xFF
            out[two * n + one] = ((base + _LOWEST[mask]) & 0xFFFF) | y | p
            n += timed if mask else none
            mask &= mask - 1
            while mask > 0:
                out[two * n] = t
                out[two * n + one] = ((base + _LOWEST[mask]) & 0xFFFF) | y | p
                n += timed
                mask &= mask - 1
            base += 12 if kind == 4 else 8
        elif kind == 8:
            high = (w & 0xFFF) << 12
            if timed and (time & 0xFFF000) - high >= (1 << 23):
                epoch += 1 << 24
            if high != time & 0xFFF000:
                time = high
            timed = one
    state[0], state[1], state[2], state[3], state[4], state[5] = epoch, timed, time, y, base, p
    return i, n


class Evt3Decoder(EvtDecoder):
    """Decodes EVT 3.0; see :class:`events.evt.EvtDecoder` for the arguments."""

    format = "evt3"
    _word_bytes = 2
    _events_per_word = 12

    def _decode(
        self, raw: NDArray[np.uint8], start: int, out: NDArray[np.int64]
    ) -> tuple[int, int]:
        word, events = _decode(raw, start, self._state, out)
        return int(word), int(events)
