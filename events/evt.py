"""What Prophesee's three RAW encodings share: a header, then little-endian words.

Each encoding is a state machine over words that numba compiles; its state lives in a small
array between the pieces of a stream. Words before the first time word say no time, and are
left out, as Metavision leaves them out.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from events.decoder import Bytes
from events.errors import EventDataError
from events.packet import EVENT, Packet, SensorSize
from events.prophesee_header import PropheseeHeader, parse_header
from events.words import WordDecoder

#: Index in the state of the time that is added to every event, and of whether time is known.
EPOCH, TIMED = 0, 1
_STATE_VALUES = 8
#: At most this many events a packet (1 MiB), so that a packet stays in the processor's cache.
_PACKET_EVENTS = 1 << 16


class EvtDecoder(WordDecoder):
    """Decodes a RAW file or stream.

    ``headerless`` is for a live connection: the header may be missing. ``sensor`` is the
    size to report where no header states it.
    """

    _events_per_word: ClassVar[int]

    def __init__(self, *, headerless: bool = False, sensor: SensorSize | None = None) -> None:
        super().__init__()
        self.sensor = sensor
        self._headerless = headerless
        self._state = np.zeros(_STATE_VALUES, np.int64)

    @abstractmethod
    def _decode(
        self, raw: NDArray[np.uint8], start: int, out: NDArray[np.int64]
    ) -> tuple[int, int]:
        """Decode the words of ``raw`` from word ``start`` into ``out``, two values an event.

        Returns the first word not decoded, because ``out`` is full or ``raw`` at its end,
        and the number of events written.
        """

    def _accept(self, header: PropheseeHeader) -> None:
        """Take what the header says; raises :class:`EventDataError` if it fits no decoding."""
        if header.format is None and not self._headerless:
            raise EventDataError("does not name the encoding", offset=0, field="header")
        if header.format not in (None, self.format):
            raise EventDataError(
                f"the header says {header.format}, not {self.format}", offset=0, field="encoding"
            )
        self.sensor = header.sensor or self.sensor
        self._state[EPOCH] = header.t_start_us

    def _begin(self, head: bytearray, *, complete: bool) -> int | None:
        header = parse_header(bytes(head), complete=complete)
        if header is None:
            return None
        self._accept(header)
        return header.size

    def _packets(self, data: Bytes) -> Iterator[Packet]:
        raw = np.frombuffer(data, np.uint8)
        # One kind of array is one compiled kernel, whatever the kind of ``data``.
        raw.flags.writeable = False
        words = len(raw) // self._word_bytes
        word = 0
        while word < words:
            room = min(_PACKET_EVENTS, self._events_per_word * (words - word))
            out = np.empty(2 * (room + self._events_per_word), np.int64)
            word, events = self._decode(raw, word, out)
            if events:
                yield out[: 2 * events].view(EVENT)

    def finish(self) -> Iterator[Packet]:
        yield from super().finish()
        if self._words and not self._state[TIMED]:
            raise EventDataError(
                f"none of {self._words} words says the time", offset=self._offset, field="time"
            )
