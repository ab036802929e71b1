"""HTTP byte by byte: what a well-behaved client would not send."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from tests.service.conftest import Running


class RawHttp:
    """A connection on which the test decides about every byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def answer(self) -> tuple[int, bytes]:
        """The next answer's status and body."""
        async with asyncio.timeout(20):
            head = await self._reader.readuntil(b"\r\n\r\n")
            lengths = [
                int(line.partition(b":")[2])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ]
            return int(head.split()[1]), await self._reader.readexactly(*lengths)

    async def hung_up(self) -> None:
        """Wait until the service has, reading what it said before."""
        async with asyncio.timeout(20):
            # Who hangs up on what is still being sent resets the connection.
            with suppress(ConnectionError):
                await self._reader.read()


@asynccontextmanager
async def raw_http(service: Running) -> AsyncIterator[RawHttp]:
    place = urlsplit(service.server.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield RawHttp(reader, writer)
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()
