"""Camera stand-ins whose every byte a test decides, on real sockets."""

import asyncio
from contextlib import suppress
from typing import Any, Self

import numpy as np

from events.dv import DvEncoder
from events.packet import Packet, SensorSize, packet

SENSOR = SensorSize(32, 24)
#: The window of the shipped models.
WINDOW_US = 100_000


class Peer:
    """A TCP server that sends what it is told to, and can hang up."""

    def __init__(self, greeting: bytes = b"", host: str = "127.0.0.1") -> None:
        self.greeting = greeting
        self.host = host
        self.connections = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []
        self._everyone: list[asyncio.StreamWriter] = []
        self._readers: list[asyncio.StreamReader] = []
        self._connected = asyncio.Condition()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: Any) -> None:
        assert self._server
        self._server.close()
        for writer in self._everyone:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.greeting)
        async with self._connected:
            self._readers.append(reader)
            self._writers.append(writer)
            self._everyone.append(writer)
            self.connections += 1
            self._connected.notify_all()

    async def connected(self, times: int = 1) -> None:
        """Wait until the service has connected that often."""
        async with asyncio.timeout(20), self._connected:
            await self._connected.wait_for(lambda: self.connections >= times)

    async def left(self) -> None:
        """Wait until the service has closed every connection."""
        async with asyncio.timeout(20):
            for reader in self._readers:
                with suppress(ConnectionError):
                    await reader.read()

    def send(self, data: bytes) -> None:
        for writer in self._writers:
            writer.write(data)

    async def drain(self) -> None:
        for writer in self._writers:
            with suppress(ConnectionError):
                await writer.drain()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers = []


class DvPeer(Peer):
    """A DV camera."""

    def __init__(self, sensor: SensorSize = SENSOR, host: str = "127.0.0.1") -> None:
        self.sensor = sensor
        self._encoder = DvEncoder(sensor)
        super().__init__(self._encoder.header, host)

    @property
    def url(self) -> str:
        return f"dv://127.0.0.1:{self.port}"

    def send_events(self, events: Packet) -> None:
        self.send(self._encoder.packet(events))

    def send_windows(self, first: int, count: int = 1, events: int = 200) -> None:
        """Events that fill windows ``first .. first + count`` and close the last of them.

        Windows are numbered from the segment's start: send window 0 first.
        """
        for number in range(first, first + count):
            self.send_events(window_events(number, events, self.sensor))
        self.send_events(packet([(first + count) * WINDOW_US], [0], [0], [0]))


def window_events(number: int, events: int = 200, sensor: SensorSize = SENSOR) -> Packet:
    """Events of one window; the first lies on its start."""
    rng = np.random.default_rng(number)
    t = np.sort(rng.integers(0, WINDOW_US, events))
    t[0] = 0
    return packet(
        number * WINDOW_US + t,
        rng.integers(0, sensor.width, events),
        rng.integers(0, sensor.height, events),
        rng.integers(0, 2, events),
    )
