"""What formats made of a header and then fixed-size words have in common."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from events.decoder import Bytes, Decoder
from events.errors import EventDataError
from events.packet import Packet


class WordDecoder(Decoder):
    """Splits a byte stream, cut anywhere, into a header and whole words."""

    _word_bytes: ClassVar[int]

    def __init__(self) -> None:
        self._rest = bytearray()
        self._header_bytes: int | None = None
        self._words = 0

    @abstractmethod
    def _begin(self, head: bytearray, *, complete: bool) -> int | None:
        """Take the header in; return its length, or None if it goes on beyond ``head``.

        ``complete`` says that nothing comes after ``head``.
        """

    @abstractmethod
    def _packets(self, data: Bytes) -> Iterator[Packet]:
        """Decode ``data``, whole words only."""

    @property
    def _offset(self) -> int:
        """Where the first word not yet decoded starts."""
        return (self._header_bytes or 0) + self._words * self._word_bytes

    def feed(self, data: Bytes) -> Iterator[Packet]:
        if self._header_bytes is None:
            self._rest += data
            self._header_bytes = self._begin(self._rest, complete=False)
            if self._header_bytes is None:
                return
            data, self._rest = bytes(self._rest[self._header_bytes :]), bytearray()
        view = memoryview(data)
        if self._rest:
            missing = self._word_bytes - len(self._rest)
            self._rest += view[:missing]
            view = view[missing:]
            if len(self._rest) < self._word_bytes:
                return
            word, self._rest = self._rest, bytearray()
            yield from self._decoded(word)
        whole = len(view) - len(view) % self._word_bytes
        self._rest += view[whole:]
        yield from self._decoded(view[:whole])

    def _decoded(self, data: Bytes) -> Iterator[Packet]:
        if len(data):
            yield from self._packets(data)
        self._words += len(data) // self._word_bytes

    def finish(self) -> Iterator[Packet]:
        if self._header_bytes is None:
            size = self._begin(self._rest, complete=True)
            if size is None:
                raise EventDataError("the data ends inside it", offset=0, field="header")
            self._header_bytes = size
            data, self._rest = bytes(self._rest[size:]), bytearray()
            yield from self.feed(data)
        if self._rest:
            raise EventDataError("the data ends inside a word", offset=self._offset)
