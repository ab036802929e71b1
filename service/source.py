"""Where a camera's events come from.

A :class:`LiveSource` is endless: its end is a lost connection, to be tried again. A
:class:`RecordingSource` is finite: its end is its end.
"""

import asyncio
import os
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

from events.decoder import Decoder
from events.dv import DvDecoder
from events.errors import EventDataError
from events.evt2 import Evt2Decoder
from events.evt3 import Evt3Decoder
from events.evt21 import Evt21Decoder
from events.packet import Packet, SensorSize
from events.recording import SniffingDecoder, open_recording
from service.address import Address, CameraUrl, place_of
from service.pace import pace

_CONNECT_S = 5.0
#: A DV server sends its header as soon as it accepts; one that has not by then never will.
_HEADER_S = 5.0
_READ_BYTES = 1 << 20
#: Silence before the first probe, between two, and how many may go unanswered: 25 s in all.
#: Only what the platform has is set; macOS has another name for the first.
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPALIVE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


class SourceError(Exception):
    """A source that cannot be read now, in one line. A later try may succeed."""


class UnusableSource(SourceError):
    """A source that no later try will make readable."""


#: Told which place a source really reads, before anything is read; refuses it by raising.
Claim = Callable[[str], None]


class Source(ABC):
    """Packets from one camera, once. A new try is a new source."""

    #: Whether the end of the packets is an end and not a lost connection.
    finite: bool = False
    #: Whether the peer has answered as a camera does.
    connected: bool = False

    @property
    @abstractmethod
    def sensor(self) -> SensorSize | None:
        """The size that the data states; None while, or where, it does not."""

    @abstractmethod
    def packets(self, claim: Claim) -> AsyncIterator[Packet]:
        """Yield packets, each valid until the next.

        Raises :class:`SourceError`, :class:`EventDataError` or OSError where it breaks off,
        and what ``claim`` raises.
        """


class LiveSource(Source):
    """A TCP peer that sends a byte stream: a DV server, or Prophesee RAW."""

    def __init__(self, address: Address, decoder: Decoder, *, needs_header: bool) -> None:
        self._address = address
        self._decoder = decoder
        self._needs_header = needs_header

    @property
    def sensor(self) -> SensorSize | None:
        return self._decoder.sensor

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(_CONNECT_S):
                reader, writer = await asyncio.open_connection(
                    self._address.host, self._address.port, limit=_READ_BYTES
                )
        except TimeoutError:
            raise SourceError(f"{self._address}: no connection within {_CONNECT_S:g} s") from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "cannot be reached"
            raise SourceError(f"{self._address}: {reason}") from None
        return reader, writer

    def _place(self, writer: asyncio.StreamWriter) -> str:
        peer, own = (writer.get_extra_info(name) for name in ("peername", "sockname"))
        if peer is None:
            raise SourceError(f"{self._address}: connection lost")
        return place_of(peer, own)

    async def _read(self, reader: asyncio.StreamReader, header_due_s: float) -> bytes:
        if not self._needs_header or self._decoder.sensor is not None:
            return await reader.read(_READ_BYTES)
        try:
            async with asyncio.timeout_at(header_due_s):
                return await reader.read(_READ_BYTES)
        except TimeoutError:
            raise SourceError(f"{self._address}: sent no header within {_HEADER_S:g} s") from None

    async def packets(self, claim: Claim) -> AsyncIterator[Packet]:
        reader, writer = await self._connect()
        header_due_s = asyncio.get_running_loop().time() + _HEADER_S
        try:
            _keep_alive(writer.get_extra_info("socket"))
            claim(self._place(writer))
            self.connected = not self._needs_header
            while data := await self._read(reader, header_due_s):
                for events in self._decoder.feed(data):
                    yield events
                self.connected = self.connected or self._decoder.sensor is not None
            for events in self._decoder.finish():
                yield events
            raise SourceError(f"{self._address}: closed the connection")
        except EventDataError as error:
            raise error.at(str(self._address)) from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else "connection lost"
            raise SourceError(f"{self._address}: {reason}") from None
        finally:
            writer.transport.abort()


def _keep_alive(connection: socket.socket) -> None:
    """Lose the connection to a camera that is gone without a word: no power, a cable pulled.

    We only read, so nothing of ours would go unanswered, and Linux waits two hours to ask.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class RecordingSource(Source):
    """A file, played once in real time."""

    finite = True
    connected = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._recording = open_recording(path)

    @property
    def sensor(self) -> SensorSize | None:
        return self._recording.sensor

    async def packets(self, claim: Claim) -> AsyncIterator[Packet]:
        claim(str(self._path))
        async for events in pace(self._recording.packets()):
            yield events


class UsbSource(Source):
    """A USB camera, read by a child process that speaks the DV protocol to us.

    The drivers block, and crash with their device; in a child they can be ended.
    """

    def __init__(self, driver: str) -> None:
        self._driver = driver
        self._live: LiveSource | None = None

    @property
    def sensor(self) -> SensorSize | None:
        return self._live.sensor if self._live else None

    async def packets(self, claim: Claim) -> AsyncIterator[Packet]:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "anonynoise", "camera", "--driver", self._driver),
            *("--listen", "127.0.0.1:0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert child.stdout and child.stderr
        drain: asyncio.Task[None] | None = None
        try:
            # The child says where it listens once the camera is open, or ends saying why not.
            line = (await child.stdout.readline()).decode(errors="replace").strip()
            if not line:
                problem = (await child.stderr.read(4096)).decode(errors="replace").strip()
                last = problem.splitlines()[-1] if problem else "the driver ended"
                raise SourceError(last.removeprefix("Error: "))
            drain = asyncio.create_task(_discard(child.stderr))
            self._live = LiveSource(
                Address.parse(line.rpartition(" ")[2]), DvDecoder(), needs_header=True
            )
            async for events in self._live.packets(claim):
                self.connected = True
                yield events
        finally:
            if drain:
                drain.cancel()
            with suppress(ProcessLookupError):
                child.terminate()
            try:
                async with asyncio.timeout(2):
                    await child.wait()
            except TimeoutError:
                child.kill()
                await child.wait()


async def _discard(stream: asyncio.StreamReader) -> None:
    """Read on, so that a driver that says a lot does not wait for a full pipe."""
    while await stream.read(1 << 16):
        pass


_RAW_DECODERS: dict[str, Callable[[], Decoder]] = {
    "evt2": lambda: Evt2Decoder(headerless=True),
    "evt21": lambda: Evt21Decoder(headerless=True),
    "evt3": lambda: Evt3Decoder(headerless=True),
}


def open_source(url: CameraUrl, recordings: Path | None) -> Source:
    """The source that ``url`` names; ``recordings`` is the folder that files may come from.

    Raises :class:`UnusableSource` in one line.
    """
    if url.path is not None:
        return RecordingSource(_allowed(Path(url.path), recordings))
    if url.driver is not None:
        return UsbSource(url.driver)
    assert url.address is not None
    if url.scheme == "dv":
        return LiveSource(url.address, DvDecoder(), needs_header=True)
    if url.scheme == "raw":
        return LiveSource(url.address, SniffingDecoder(str(url.address)), needs_header=False)
    return LiveSource(url.address, _RAW_DECODERS[url.scheme](), needs_header=False)


def _allowed(path: Path, recordings: Path | None) -> Path:
    # Without this an administrator's token could read any file of the machine's.
    if recordings is None:
        raise UnusableSource("file cameras need the setting recordings: a folder to read from")
    resolved = path.resolve()
    if not resolved.is_relative_to(recordings.resolve()):
        raise UnusableSource(f"{path}: not in the folder of recordings")
    return resolved
