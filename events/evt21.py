"""Prophesee EVT 2.1: up to 32 events of a row, one polarity and one time, a 64-bit word.

::

    63..60 type | 59..54 time, low 6 bits | 53..43 x | 42..32 y | 31..0 which of x .. x + 31
    63..60 type | 59..32 time, high 28 bits                     | unused

Types, and time's wrap, are those of EVT 2.0. The word comes in one of two orders: ``little``
(GenX320: the whole word little-endian, so that the mask comes first) and ``legacy``
(IMX636: two little-endian halves, the upper one first). A header says ``endianness=legacy``.
Source: Prophesee, "EVT 2.1 Format".
"""

from typing import Literal

import numpy as np
from numba import int64, njit, uint64
from numpy.typing import NDArray

from events.errors import EventDataError
from events.evt import EvtDecoder
from events.packet import SensorSize
from events.prophesee_header import PropheseeHeader

WordOrder = Literal["little", "legacy"]


@njit(cache=True, nogil=True)
def _half(raw, b):  # type: ignore[no-untyped-def]
    return (
        int64(raw[b])
        | (int64(raw[b + uint64(1)]) << 8)
        | (int64(raw[b + uint64(2)]) << 16)
        | (int64(raw[b + uint64(3)]) << 24)
    )


@njit(cache=True, nogil=True)
def _decode(raw, start, legacy, state, out):  # type: ignore[no-untyped-def]
    one, two = uint64(1), uint64(2)
    upper, lower = (uint64(0), uint64(4)) if legacy else (uint64(4), uint64(0))
    words = uint64(len(raw) // 8)
    room = uint64(len(out) // 2 - 32)
    epoch, timed, high = state[0], uint64(state[1]), state[2]
    base = epoch + high
    n = uint64(0)
    i = uint64(start)
    while i < words and n <= room:
        w = _half(raw, uint64(8) * i + upper)
        kind = w >> 28
        if kind <= 1:
            mask = _half(raw, uint64(8) * i + lower)
            t = base + ((w >> 22) & 0x3F)
            x = (w >> 11) & 0x7FF
            yp = ((w & 0x7FF) << 16) | (kind << 32)
            while mask:
                out[two * n] = t
                out[two * n + one] = x | yp
                n += timed & uint64(mask & 1)
                x += 1
                mask >>= 1
        elif kind == 8:
            new = (w & 0xFFFFFFF) << 6
            if timed and high - new >= (1 << 33):
                epoch += 1 << 34
            high = new
            base = epoch + high
            timed = one
        i += one
    state[0], state[1], state[2] = epoch, timed, high
    return i, n


class Evt21Decoder(EvtDecoder):
    """Decodes EVT 2.1; see :class:`events.evt.EvtDecoder` for the arguments.

    ``word_order`` is for a stream whose header, if there is one, does not say it.
    """

    format = "evt21"
    _word_bytes = 8
    _events_per_word = 32

    def __init__(
        self,
        *,
        headerless: bool = False,
        sensor: SensorSize | None = None,
        word_order: WordOrder = "little",
    ) -> None:
        super().__init__(headerless=headerless, sensor=sensor)
        self._legacy = word_order == "legacy"

    def _accept(self, header: PropheseeHeader) -> None:
        super()._accept(header)
        if header.word_order not in (None, "little", "legacy"):
            raise EventDataError("is neither little nor legacy", offset=0, field="endianness")
        if header.word_order is not None:
            self._legacy = header.word_order == "legacy"

    def _decode(
        self, raw: NDArray[np.uint8], start: int, out: NDArray[np.int64]
    ) -> tuple[int, int]:
        word, events = _decode(raw, start, self._legacy, self._state, out)
        return int(word), int(events)
