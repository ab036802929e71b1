"""Camera peers that do not behave: each ends in one line, none in a hang."""

import asyncio
import ctypes
import socket
import struct
import sys

import pytest

from events.packet import SensorSize
from service import source
from service.state import CameraState
from tests.service.peers import DvPeer, Peer, window_events


async def reason(serve, url: str, **config) -> str:
    service = await serve(cameras=[{"id": "hall", "url": url, **config}])
    status = await service.until("hall", lambda status: status.reason is not None)
    assert "\n" not in status.reason
    return f"{status.state}: {status.reason}"


@pytest.mark.parametrize(
    ("greeting", "says"),
    [
        (b"\xff" * 4096, "header length: 4294967295 bytes announced"),
        (b"\x00" * 4096, "header length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "is this a DV server?"),
        (b"\xff\xff\xff\xff", "4294967295 bytes announced"),
        (b"\x10\x00\x00\x00" + b"\x00" * 16, "header"),
    ],
    ids=["0xFF", "zeros", "http", "4 GiB", "empty header"],
)
async def test_a_peer_that_is_no_dv_camera(serve, greeting, says):
    async with Peer(greeting) as peer:
        said = await reason(serve, f"dv://127.0.0.1:{peer.port}")
    assert said.startswith(f"waiting: 127.0.0.1:{peer.port}: ")
    assert says in said


async def test_a_silent_peer(serve, monkeypatch):
    monkeypatch.setattr(source, "_HEADER_S", 0.05)
    async with Peer() as peer:
        said = await reason(serve, f"dv://127.0.0.1:{peer.port}")
    assert said == f"waiting: 127.0.0.1:{peer.port}: sent no header within 0.05 s"


async def test_nobody_there(serve):
    async with Peer() as peer:
        port = peer.port
    assert await reason(serve, f"dv://127.0.0.1:{port}") == (
        f"waiting: 127.0.0.1:{port}: Connection refused"
    )


async def test_a_camera_that_hangs_up_is_connected_to_again(serve, camera):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    camera.send_events(window_events(0, events=50))
    await service.until("hall", lambda status: status.events == 50)
    camera.hang_up()
    await camera.connected(2)
    camera.send_windows(0)
    status = await service.until("hall", lambda status: status.windows == 2)
    assert (status.reconnects, status.segment, status.events) == (1, 2, 251)


async def test_a_camera_that_loses_power_is_noticed_within_half_a_minute(
    serve, camera, monkeypatch
):
    connections: list[socket.socket] = []
    connect = asyncio.open_connection

    async def remembered(*arguments, **options):
        reader, writer = await connect(*arguments, **options)
        connections.append(writer.get_extra_info("socket"))
        return reader, writer

    monkeypatch.setattr(asyncio, "open_connection", remembered)
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    camera.send_events(window_events(0, events=50))
    await service.until("hall", lambda status: status.events == 50)
    (connection,) = connections
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0
    silence_s, step_s, probes = (
        connection.getsockopt(socket.IPPROTO_TCP, option)
        for option in (
            getattr(socket, "TCP_KEEPIDLE", None) or socket.TCP_KEEPALIVE,
            socket.TCP_KEEPINTVL,
            socket.TCP_KEEPCNT,
        )
    )
    # Not so soon either that a camera with a bad link is lost with every packet.
    assert probes > 1
    assert silence_s + probes * step_s <= 30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can make a socket deaf")
async def test_a_camera_that_loses_power_is_connected_to_again(serve, monkeypatch):
    monkeypatch.setattr(source, "_KEEPALIVE", dict.fromkeys(source._KEEPALIVE, 1))
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"evt3://127.0.0.1:{listener.getsockname()[1]}"
        service = await serve(cameras=[{"id": "hall", "url": url, "width": 20, "height": 10}])
        gone, _ = await loop.sock_accept(listener)
        with gone:
            deafen(gone)
            status = await service.until("hall", lambda status: status.reason is not None)
            back, _ = await loop.sock_accept(listener)
            back.close()
    assert status.reason.endswith(": Connection timed out")


def deafen(connection: socket.socket) -> None:
    """From now on answer nothing, as without power: no FIN, no RST, no ACK."""
    # One instruction of a socket filter: keep 0 bytes of each packet.
    drop = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
    so_attach_filter = 26
    program = struct.pack("HP", 1, ctypes.addressof(drop))
    try:
        connection.setsockopt(socket.SOL_SOCKET, so_attach_filter, program)
    except PermissionError:
        pytest.skip("a socket cannot be made deaf here")


async def test_what_arrived_before_the_damage_is_kept(serve, camera):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    camera.send_events(window_events(0, events=50))
    camera.send(b"\x00\x00\x00\x00\xff\xff\xff\x7f")
    status = await service.until("hall", lambda status: status.windows == 1)
    assert status.events == 50
    assert "allowed" in status.reason


async def test_a_sensor_that_the_memory_bound_does_not_take(serve):
    async with DvPeer(SensorSize(2000, 2000)) as peer:
        service = await serve(
            cameras=[{"id": "hall", "url": peer.url}], limits={"window_bytes": 1 << 20}
        )
        await peer.connected()
        peer.send_events(window_events(0))
        status = await service.until("hall", lambda status: status.reason is not None)
    assert status.state is CameraState.FAILED
    assert status.reason == (
        "a window of 2000x2000 takes 160000000 bytes, at most 1048576 allowed (limits.window_bytes)"
    )


async def test_time_that_keeps_jumping_back_is_damage(serve, camera):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    events = window_events(0, events=500)
    events["t"] = range(500_000, 0, -1000)
    camera.send_events(events)
    status = await service.until("hall", lambda status: status.reason is not None)
    assert "went backwards" in status.reason


async def test_a_raw_stream_without_a_size_says_what_is_missing(serve):
    words = b"".join(word.to_bytes(2, "little") for word in (0x8000, 0x6001, 0x0005, 0x2007))
    async with Peer(words * 10) as peer:
        said = await reason(serve, f"evt3://127.0.0.1:{peer.port}")
    assert said == ("failed: the stream does not say its sensor's size: give width and height")


async def test_a_raw_stream_with_its_size_given(serve):
    words = b"".join(word.to_bytes(2, "little") for word in (0x8000, 0x6001, 0x0005, 0x2807))
    async with Peer(words) as peer:
        service = await serve(
            cameras=[{"id": "c", "url": f"evt3://127.0.0.1:{peer.port}", "width": 20, "height": 10}]
        )
        status = await service.until("c", lambda status: status.windows == 1)
    assert (status.events, status.outside) == (1, 0)


async def test_stopping_does_not_wait_for_a_peer(serve):
    async with Peer() as peer:
        service = await serve(cameras=[{"id": "hall", "url": f"dv://127.0.0.1:{peer.port}"}])
        await peer.connected()
        async with asyncio.timeout(5):
            await service.http.delete("/v1/cameras/hall")


async def test_a_usb_camera_that_is_not_attached(serve):
    pytest.importorskip("dv_processing")
    said = await reason(serve, "usb://inivation")
    assert said.startswith("waiting: ")
    assert "camera" in said
    assert "Traceback" not in said
