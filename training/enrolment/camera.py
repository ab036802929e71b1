"""The camera that an enrolment is recorded from: a TCP peer."""

import socket
import time
from collections.abc import Callable, Generator, Iterator
from types import MappingProxyType
from urllib.parse import urlsplit

from events.decoder import Decoder
from events.dv import DvDecoder
from events.errors import EventDataError
from events.packet import Packet, SensorSize
from events.recording import SniffingDecoder
from training.errors import TrainingError

_CONNECT_S = 5.0
#: A camera that has not said what it is by then never will.
_HEADER_S = 5.0
_TICK_S = 0.2
_READ_BYTES = 1 << 20
_DECODERS: MappingProxyType[str, Callable[[], Decoder]] = MappingProxyType(
    {"dv": DvDecoder, "raw": SniffingDecoder}
)


class Camera:
    """``dv://HOST:PORT``, a DV server, or ``raw://HOST:PORT``, Prophesee RAW with its header.

    Nothing is opened before :meth:`packets` is read. Raises :class:`TrainingError` for
    another URL.
    """

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            beside = parts.path or parts.query or parts.fragment or parts.username is not None
            known = parts.scheme in _DECODERS and not beside
        except ValueError:
            known, host, port = False, None, None
        if not known or not host or port is None:
            raise TrainingError("is neither dv://HOST:PORT nor raw://HOST:PORT", source=repr(url))
        self.url = url
        self._place = host, port
        self._decoder = _DECODERS[parts.scheme]()

    @property
    def sensor(self) -> SensorSize:
        """The size that the camera states. Raises :class:`TrainingError` if it does not."""
        if self._decoder.sensor is None:
            raise TrainingError("says no size of its sensor", source=self.url)
        return self._decoder.sensor

    def packets(self) -> Generator[Packet | None, None, None]:
        """Packets, each valid until the next, and None whenever it was quiet for a moment.

        Endless. Raises :class:`TrainingError` where the camera is not there, ends, or sends
        what is not understood.
        """
        try:
            with socket.create_connection(self._place, _CONNECT_S) as peer:
                peer.settimeout(_TICK_S)
                yield from self._decoded(peer)
        except EventDataError as error:
            raise TrainingError(str(error.at(self.url))) from None
        except TimeoutError:
            raise TrainingError(f"no connection within {_CONNECT_S:g} s", source=self.url) from None
        except (OSError, UnicodeError) as error:
            # A host's name that cannot be one makes the resolver raise UnicodeError.
            reason = getattr(error, "strerror", None) or "cannot be reached"
            raise TrainingError(reason, source=self.url) from None

    def _decoded(self, peer: socket.socket) -> Iterator[Packet | None]:
        header_due_s = time.monotonic() + _HEADER_S
        while True:
            try:
                data = peer.recv(_READ_BYTES)
            except TimeoutError:
                data = None
            if data == b"":
                # A half-sent packet says more than the closed connection does.
                yield from self._decoder.finish()
                raise TrainingError("closed the connection", source=self.url)
            if data:
                yield from self._decoder.feed(data)
            if self._decoder.sensor is None and time.monotonic() > header_due_s:
                raise TrainingError(f"sent no header within {_HEADER_S:g} s", source=self.url)
            yield None
