"""A WebSocket reader that costs next to nothing: notes when messages are whole, drops them.

What is asked for is when a window's bytes are on the subscriber's socket, not when a library
has handed them on; with four subscribers in one process its time would be counted four times.
It takes what a server sends (RFC 6455, 5.2: frames without a mask), and answers nothing.
"""

import asyncio
import os
import time
from base64 import b64encode
from typing import cast
from urllib.parse import urlsplit

from service.bench.result import BenchError

_BINARY = 0x2
_HEAD_BYTES = 1024
_START_S = 10.0


class Subscriber(asyncio.Protocol):
    """``messages``: for each that came, nanoseconds of CLOCK_MONOTONIC, size and first bytes."""

    def __init__(self, host: str, path: str) -> None:
        self.messages: list[tuple[int, int, bytes]] = []
        self.transport: asyncio.Transport | None = None
        self._host = host
        self._path = path
        self._accepted = asyncio.get_running_loop().create_future()
        self._partial = b""
        self._opcode = 0
        self._size = 0
        self._missing = 0
        self._head = b""

    @classmethod
    async def connect(cls, url: str, path: str) -> "Subscriber":
        """Subscribe at a service's ``http://`` URL. Raises :class:`BenchError`."""
        place = urlsplit(url)
        assert place.hostname and place.port
        host, port = place.hostname, place.port
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_START_S):
                _, subscriber = await loop.create_connection(
                    lambda: cls(place.netloc, path), host, port
                )
                await subscriber._accepted
        except (OSError, TimeoutError) as error:
            raise BenchError(f"cannot subscribe: {error or 'no answer'}") from None
        return subscriber

    def close(self) -> None:
        """Hang up."""
        if self.transport:
            self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {b64encode(os.urandom(16)).decode()}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._accepted.done():
            self._accepted.set_exception(ConnectionError("connection lost"))

    def data_received(self, data: bytes) -> None:
        if not self._accepted.done():
            answer, end, data = (self._partial + data).partition(b"\r\n\r\n")
            self._partial = b"" if end else answer
            if not end:
                return
            if b" 101 " in answer.partition(b"\r\n")[0]:
                self._accepted.set_result(None)
            else:
                self._accepted.set_exception(ConnectionError("refused"))
        while data:
            if not self._missing:
                data = self._begin(data)
                continue
            if len(self._head) < _HEAD_BYTES:
                self._head += data[: min(_HEAD_BYTES - len(self._head), self._missing)]
            taken = min(len(data), self._missing)
            self._missing -= taken
            data = data[taken:]
            if not self._missing and self._opcode == _BINARY:
                self.messages.append((time.monotonic_ns(), self._size, self._head))

    def _begin(self, data: bytes) -> bytes:
        """Take a frame's header off ``data``, or keep it all until the header is whole."""
        data, self._partial = self._partial + data, b""
        extra = {126: 2, 127: 8}.get(data[1] & 0x7F, 0) if len(data) > 1 else 0
        if len(data) < 2 + extra:
            self._partial = data
            return b""
        self._opcode = data[0] & 0xF
        self._size = int.from_bytes(data[2 : 2 + extra]) if extra else data[1] & 0x7F
        self._missing = self._size
        self._head = b""
        return data[2 + extra :]
