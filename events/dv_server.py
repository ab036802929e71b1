"""A camera's side of the DV network protocol: one header, then packets, to every client.

::

    publish --> client 1: [queue, bounded in bytes, oldest dropped] -> [socket]
            --> client 2: ...

No client can hold up another, or make memory grow: what a client does not take in time is
dropped, oldest first and by whole packets, so that its stream stays readable.
"""

import asyncio
from collections import deque
from typing import cast

#: What the transport may hold besides the queue; one packet more can lie in it.
_TRANSPORT_BYTES = 1 << 17


class _Client(asyncio.Protocol):
    def __init__(self, server: "DvServer") -> None:
        self._server = server
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._paused = False
        self._closing = False
        self._transport: asyncio.Transport | None = None
        #: Whether nothing was taken for so long that nobody should wait for it.
        self.stalled = False
        self.closed = asyncio.Event()
        self.drained = asyncio.Event()
        self.drained.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Other event loops' transports are alike without being of asyncio's class.
        transport = cast(asyncio.Transport, transport)
        if not self._server.admit(self):
            transport.abort()
            return
        self._transport = transport
        transport.set_write_buffer_limits(high=_TRANSPORT_BYTES)
        transport.write(self._server.header)

    def connection_lost(self, exc: Exception | None) -> None:
        self._queue.clear()
        self.drained.set()
        self.closed.set()
        self._server.forget(self)

    def pause_writing(self) -> None:
        self._paused = True
        self.drained.clear()

    def resume_writing(self) -> None:
        self._paused = False
        self.stalled = False
        assert self._transport
        while self._queue and not self._paused:
            data = self._queue.popleft()
            self._queued_bytes -= len(data)
            self._transport.write(data)
        if not self._paused:
            self.drained.set()
            if self._closing:
                self._transport.close()

    def send(self, data: bytes) -> int:
        """Send or queue one packet; returns how many were dropped."""
        if self._closing or self._transport is None:
            return 0
        if not self._paused:
            self._transport.write(data)
            return 0
        dropped = 0
        while self._queue and self._queued_bytes + len(data) > self._server.max_client_bytes:
            self._queued_bytes -= len(self._queue.popleft())
            dropped += 1
        if len(data) > self._server.max_client_bytes:
            return dropped + 1
        self._queue.append(data)
        self._queued_bytes += len(data)
        return dropped

    def close(self) -> None:
        """Close once everything queued was sent."""
        self._closing = True
        if not self._paused and self._transport:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport:
            self._transport.abort()


class DvServer:
    """Serves one camera's packets to every client that connects.

    ``header`` is what :class:`events.dv.DvEncoder` has under that name, packets are what its
    method of that name returns. ``port`` 0 takes a free one; ``port`` says which.
    """

    def __init__(
        self,
        header: bytes,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        max_client_bytes: int = 1 << 23,
        max_clients: int = 32,
    ) -> None:
        self.header = header
        self.host = host
        self.port = port
        self.max_client_bytes = max_client_bytes
        self.max_clients = max_clients
        #: Packets that clients did not take in time.
        self.dropped = 0
        self._clients: set[_Client] = set()
        self._has_client = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def clients(self) -> int:
        """How many are connected."""
        return len(self._clients)

    async def start(self) -> None:
        """Listen. Raises OSError, for a port that is taken for instance."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Client(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def admit(self, client: _Client) -> bool:
        """Take a new connection in, unless there are too many or the server is closing."""
        if self._server is None or len(self._clients) >= self.max_clients:
            return False
        self._clients.add(client)
        self._has_client.set()
        return True

    def forget(self, client: _Client) -> None:
        """A connection is gone."""
        self._clients.discard(client)
        if not self._clients:
            self._has_client.clear()

    async def wait_for_client(self) -> None:
        """Return once at least one client is connected."""
        await self._has_client.wait()

    def publish(self, data: bytes) -> None:
        """Send one packet to every client; never waits."""
        for client in tuple(self._clients):
            self.dropped += client.send(data)

    async def drain(self, patience_s: float = 1.0) -> None:
        """Wait until clients have taken what was published, for who wants no packet dropped.

        A client that takes nothing for ``patience_s`` is not waited for again until it does.
        """
        for client in tuple(self._clients):
            if client.stalled or client.drained.is_set():
                continue
            try:
                async with asyncio.timeout(patience_s):
                    await client.drained.wait()
            except TimeoutError:
                client.stalled = True

    async def close(self, timeout_s: float = 2.0) -> None:
        """Stop listening; give clients ``timeout_s`` to take what is left, then hang up."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        clients = tuple(self._clients)
        for client in clients:
            client.close()
        try:
            async with asyncio.timeout(timeout_s):
                for client in clients:
                    await client.closed.wait()
        except TimeoutError:
            for client in clients:
                client.abort()
            for client in clients:
                await client.closed.wait()
        await server.wait_closed()
