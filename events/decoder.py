"""What every decoder is: bytes in, packets out, whatever the pieces they come in."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from events.packet import Packet, SensorSize

Bytes = bytes | bytearray | memoryview


class Decoder(ABC):
    """Decodes one recording or stream, fed in pieces cut at any byte.

    The result does not depend on where the pieces were cut. What was decoded before
    an error is yielded before the error is raised, so a caller that consumes packets
    as they come loses nothing.
    """

    #: Short name of the format, e.g. ``evt3``.
    format: str

    #: The sensor's size as the data states it; None while, or where, it does not say.
    sensor: SensorSize | None = None

    @abstractmethod
    def feed(self, data: Bytes) -> Iterator[Packet]:
        """Yield the packets that ``data`` completes.

        To be consumed to its end before the next call. Packets may view ``data`` or an
        internal buffer, and are valid until the next call.
        Raises :class:`events.errors.EventDataError`; after that the decoder is spent.
        """

    @abstractmethod
    def finish(self) -> Iterator[Packet]:
        """Yield what is left at the end of the input.

        Raises :class:`events.errors.EventDataError` if the input stops inside a
        header, packet or word.
        """
