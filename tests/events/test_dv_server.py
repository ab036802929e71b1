import asyncio
import socket
import tracemalloc
from collections.abc import AsyncIterator

import numpy as np
import pytest

from events.dv import DvDecoder, DvEncoder
from events.dv_compression import Compression
from events.dv_server import DvServer
from events.packet import Packet, SensorSize, packet
from tests.events.dv_oracles import HANG_S, joined, network_reader

SENSOR = SensorSize(128, 96)


def some_events(count: int, t_us: int = 0) -> Packet:
    rng = np.random.default_rng(count)
    return packet(
        t_us + np.sort(rng.integers(0, 5_000, count)),
        rng.integers(0, SENSOR.width, count),
        rng.integers(0, SENSOR.height, count),
        rng.integers(0, 2, count),
    )


@pytest.fixture
def encoder() -> DvEncoder:
    return DvEncoder(SENSOR, source="Camera_1")


@pytest.fixture
async def server(encoder: DvEncoder) -> AsyncIterator[DvServer]:
    server = DvServer(encoder.header, max_client_bytes=1 << 20)
    await server.start()
    yield server
    await server.close()


class Client:
    """Reads from the server when told to."""

    def __init__(self, server: DvServer) -> None:
        self._server = server
        self._decoder = DvDecoder()
        self.parts: list[Packet] = []

    async def __aenter__(self) -> "Client":
        before = self._server.clients
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self._socket.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self._socket, ("127.0.0.1", self._server.port))
        while self._server.clients <= before:
            await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def count(self) -> int:
        return sum(map(len, self.parts))

    async def read(self) -> bool:
        """One piece; false at the end of the stream."""
        async with asyncio.timeout(HANG_S):
            data = await asyncio.get_running_loop().sock_recv(self._socket, 1 << 16)
        self.parts += [events.copy() for events in self._decoder.feed(data)]
        return bool(data)

    async def read_events(self, count: int) -> None:
        while self.count < count:
            assert await self.read()

    async def read_all(self) -> None:
        while await self.read():
            pass
        self.parts += [events.copy() for events in self._decoder.finish()]


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.LZ4, Compression.ZSTD])
async def test_dv_processings_network_reader_accepts_it(compression: Compression) -> None:
    parts = [some_events(1 + 100 * n, n * 5_000) for n in range(40)]
    encoder = DvEncoder(SENSOR, source="Camera_1", compression=compression)
    server = DvServer(encoder.header)
    await server.start()
    events = joined(parts)
    async with network_reader(server.port, len(events)) as reader, asyncio.timeout(HANG_S):
        await server.wait_for_client()
        for part in parts:
            server.publish(encoder.packet(part))
            await server.drain()
        camera, received = await reader.received()
    await server.close()
    assert camera == "Camera_1 128x96"
    assert (received == events).all()


async def test_every_client_gets_every_packet(server: DvServer, encoder: DvEncoder) -> None:
    async with Client(server) as one, Client(server) as two:
        parts = [some_events(n) for n in (3, 1, 50)]
        for part in parts:
            server.publish(encoder.packet(part))
        for client in (one, two):
            await client.read_events(54)
            assert (joined(client.parts) == joined(parts)).all()


async def test_a_late_client_gets_the_header_and_what_follows(
    server: DvServer, encoder: DvEncoder
) -> None:
    server.publish(encoder.packet(some_events(3)))
    async with Client(server) as client:
        server.publish(encoder.packet(some_events(5)))
        await client.read_events(5)
        assert (joined(client.parts) == some_events(5)).all()


async def test_a_client_that_stops_reading_loses_whole_packets_and_holds_up_nobody(
    server: DvServer, encoder: DvEncoder
) -> None:
    packets, size = 400, 20_000
    parts = [some_events(size, n * 5_000) for n in range(packets)]
    encoded = [encoder.packet(part) for part in parts]
    async with Client(server) as asleep, Client(server) as awake:
        tracemalloc.start()
        try:
            for n, data in enumerate(encoded):
                server.publish(data)
                await awake.read_events((n + 1) * size)
                awake.parts = [np.broadcast_to(awake.parts[0][:1], awake.count)]
            # 128 MB were published; the sleeper holds its queue, its transport and a packet.
            assert tracemalloc.get_traced_memory()[1] < 12 << 20
        finally:
            tracemalloc.stop()
        assert server.dropped > 0
        closing = asyncio.create_task(server.close(HANG_S))
        await asyncio.gather(asleep.read_all(), awake.read_all())
        await closing
    received = joined(asleep.parts)
    assert server.dropped == packets - len(received) // size
    # Whole packets, in order, and of the last ones as many as its queue holds: three.
    assert (np.diff(received["t"][::size]) > 0).all()
    assert (received[-3 * size :] == joined(parts[-3:])).all()


async def test_a_packet_beyond_the_bound_is_dropped_and_counted(encoder: DvEncoder) -> None:
    server = DvServer(encoder.header, max_client_bytes=1000)
    await server.start()
    async with Client(server) as client:
        full = encoder.packet(some_events(1 << 20))
        server.publish(full)
        server.publish(full)
        assert server.dropped == 1
        await client.read_events(1 << 20)
        server.publish(encoder.packet(some_events(7)))
        await client.read_events((1 << 20) + 7)
    await server.close()


async def test_drain_waits_for_a_slow_client(server: DvServer, encoder: DvEncoder) -> None:
    data = encoder.packet(some_events(20_000))
    async with Client(server) as client:
        reading = asyncio.create_task(client.read_events(100 * 20_000))
        for _ in range(100):
            server.publish(data)
            await server.drain(HANG_S)
        await reading
    assert server.dropped == 0


async def test_drain_gives_up_on_a_stalled_client(server: DvServer, encoder: DvEncoder) -> None:
    data = encoder.packet(some_events(20_000))
    async with Client(server), asyncio.timeout(HANG_S):
        while not server.dropped:
            server.publish(data)
            await server.drain(0.01)


async def test_a_client_that_goes_is_forgotten(server: DvServer, encoder: DvEncoder) -> None:
    async with Client(server):
        assert server.clients == 1
    async with asyncio.timeout(HANG_S):
        while server.clients:
            server.publish(encoder.packet(some_events(5)))
            await asyncio.sleep(0)
    waiting = asyncio.create_task(server.wait_for_client())
    await asyncio.sleep(0)
    assert not waiting.done()
    async with Client(server):
        await waiting


async def test_what_a_client_sends_is_not_listened_to(server: DvServer, encoder: DvEncoder) -> None:
    async with Client(server) as client:
        await asyncio.get_running_loop().sock_sendall(client._socket, b"GET / HTTP/1.1\r\n\r\n")
        server.publish(encoder.packet(some_events(5)))
        await client.read_events(5)


async def test_closing_sends_what_is_queued_and_ends_every_stream(
    server: DvServer, encoder: DvEncoder
) -> None:
    async with Client(server) as client:
        for n in range(3):
            server.publish(encoder.packet(some_events(20_000, n * 5_000)))
        closing = asyncio.create_task(server.close(HANG_S))
        await client.read_all()
        await closing
        assert client.count == 60_000
    assert server.clients == 0
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_closing_does_not_wait_for_a_client_that_stopped_reading(
    server: DvServer, encoder: DvEncoder
) -> None:
    async with Client(server):
        for _ in range(100):
            server.publish(encoder.packet(some_events(20_000)))
        async with asyncio.timeout(HANG_S):
            await server.close(0.05)
        assert server.clients == 0


async def test_no_more_clients_than_allowed(encoder: DvEncoder) -> None:
    server = DvServer(encoder.header, max_clients=1)
    await server.start()
    async with Client(server) as first:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        async with asyncio.timeout(HANG_S):
            with pytest.raises(ConnectionResetError):
                assert not await reader.read()
                raise ConnectionResetError
        writer.close()
        server.publish(encoder.packet(some_events(5)))
        await first.read_events(5)
    await server.close()


async def test_a_port_that_is_taken(server: DvServer, encoder: DvEncoder) -> None:
    with pytest.raises(OSError, match="in use"):
        await DvServer(encoder.header, port=server.port).start()


def test_under_uvloop_too(encoder: DvEncoder) -> None:
    uvloop = pytest.importorskip("uvloop")

    async def overloaded() -> tuple[int, int]:
        server = DvServer(encoder.header, max_client_bytes=1 << 20)
        await server.start()
        async with Client(server) as client:
            for n in range(200):
                server.publish(encoder.packet(some_events(20_000, n * 5_000)))
            closing = asyncio.create_task(server.close(HANG_S))
            await client.read_all()
            await closing
            return server.dropped, client.count // 20_000

    dropped, received = uvloop.run(overloaded())
    assert dropped > 0
    assert dropped + received == 200
