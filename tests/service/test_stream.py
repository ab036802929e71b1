"""Windows as subscribers get them: real camera bytes in, real sockets out."""

import asyncio
import json
import struct

import numpy as np
import pytest
import websockets
from safetensors.numpy import load

from events.packet import packet
from events.window import WindowBuilder, WindowSpec
from service.message import decode_message
from tests.service.conftest import ADMIN_TOKEN, READ_TOKEN
from tests.service.peers import SENSOR, WINDOW_US, DvPeer, window_events


def cameras(peer: DvPeer) -> list[dict[str, str]]:
    return [{"id": "hall", "url": peer.url}]


async def test_a_window_is_counted_covered_and_sent(serve, camera):
    service = await serve(cameras=cameras(camera))
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        camera.send_windows(0)
        data = await socket.recv()
    metadata, tensor = decode_message(data)
    model = service.service.anonymizer.manifest
    assert metadata == {
        "camera": "hall",
        "seq": "1",
        "segment": "1",
        "t_start_us": "0",
        "t_end_us": str(WINDOW_US),
        "events": "1",
        "dropped": "0",
        "model": f"{model.name}@{model.version}",
        "model_sha256": model.sha256,
    }
    assert tensor.dtype == np.float32
    assert tensor.shape == (10, SENSOR.height, SENSOR.width)
    builder = WindowBuilder(WindowSpec(SENSOR, 5, WINDOW_US))
    list(builder.add(window_events(0)))
    raw = builder.close().tensor
    noise = tensor - raw
    # The baseline's noise: standard deviation 4 around the counts (7,680 cells).
    assert abs(noise.mean()) < 5 * 4 / np.sqrt(noise.size)
    assert abs(noise.std() / 4 - 1) < 5 / np.sqrt(2 * noise.size)


async def test_every_reader_of_a_window_gets_the_same_tensor(serve, camera):
    service = await serve(cameras=cameras(camera))
    url = f"{service.ws}/v1/cameras/hall/windows"
    async with (
        websockets.connect(url) as first,
        websockets.connect(url) as second,
        websockets.connect(f"{url}?dtype=float16") as half,
    ):
        await camera.connected()
        await service.until("hall", lambda status: status.subscribers == 3)
        camera.send_events(window_events(0))
        one, two, three = await first.recv(), await second.recv(), await half.recv()
        rest = await service.http.get("/v1/cameras/hall/windows/latest")
    assert one == two == rest.content
    assert rest.headers["content-type"] == "application/vnd.safetensors"
    np.testing.assert_array_equal(
        load(three)["anonymized"], load(one)["anonymized"].astype(np.float16)
    )


async def test_a_quiet_cameras_window_is_closed_by_the_wall_clock(serve, camera):
    service = await serve(cameras=cameras(camera))
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        camera.send_events(window_events(0))
        metadata, _ = decode_message(await socket.recv())
    assert (metadata["t_start_us"], metadata["events"]) == ("0", "1")


async def test_a_restarted_clock_starts_a_new_segment(serve, camera):
    service = await serve(cameras=cameras(camera))
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        camera.send_windows(50)
        camera.send_windows(0)
        segments = [decode_message(await socket.recv())[0]["segment"] for _ in range(3)]
    assert segments == ["1", "1", "2"]


async def test_coordinates_outside_the_sensor_are_counted_and_left_out(serve, camera):
    service = await serve(cameras=cameras(camera))
    await camera.connected()
    camera.send_events(packet([0, 1, 2], [0, 500, 3], [0, 0, 20_000], [1, 1, 1]))
    status = await service.until("hall", lambda status: status.events == 3)
    assert status.outside == 2


async def test_json_and_png_of_the_newest_window(serve, camera):
    service = await serve(cameras=cameras(camera))
    path = "/v1/cameras/hall/windows/latest"
    assert (await service.http.get(path)).status_code == 404
    await camera.connected()
    camera.send_events(window_events(0))
    await service.until("hall", lambda status: status.windows == 1)
    header = await service.http.get(path, headers={"Accept": "application/json"})
    assert header.json()["seq"] == "1"
    assert header.json()["shape"] == [10, SENSOR.height, SENSOR.width]
    picture = await service.http.get(path, headers={"Accept": "image/png;q=0.9, text/html"})
    assert picture.content.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", picture.content[16:24])
    assert (width, height) == (SENSOR.width, SENSOR.height)
    refused = await service.http.get(path, headers={"Accept": "text/html"})
    assert refused.status_code == 406
    assert (await service.http.get(path, params={"dtype": "int8"})).status_code == 422


async def test_a_removed_camera_closes_its_subscribers_with_a_reason(serve, camera):
    service = await serve(cameras=cameras(camera))
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        assert (await service.http.delete("/v1/cameras/hall")).status_code == 204
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd.code == 4410


async def test_shutdown_publishes_the_window_under_way_and_says_going_away(serve, camera):
    service = await serve(cameras=cameras(camera))
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        camera.send_events(window_events(0, events=77))
        await service.until("hall", lambda status: status.events == 77)
        service.server.should_exit = True
        metadata, _ = decode_message(await socket.recv())
        assert metadata["events"] == "1"
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd.code == 1001


@pytest.mark.parametrize(
    ("token", "code"), [(None, 4401), ("wrong" * 6, 4401), (READ_TOKEN, None), (ADMIN_TOKEN, None)]
)
async def test_a_socket_needs_a_token(serve, camera, token, code):
    service = await serve(cameras=cameras(camera), read_token=READ_TOKEN, admin_token=ADMIN_TOKEN)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{service.ws}/v1/cameras/hall/windows"
    async with websockets.connect(url, additional_headers=headers) as socket:
        await camera.connected()
        camera.send_windows(0)
        if code:
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd.code == code
        else:
            assert await socket.recv()


async def test_unknown_cameras_and_other_sites_pages_are_turned_away(serve, camera):
    service = await serve(cameras=cameras(camera))
    async with websockets.connect(f"{service.ws}/v1/cameras/none/windows") as socket:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd.code == 4404
    url = f"{service.ws}/v1/cameras/hall/windows"
    await camera.connected()
    async with websockets.connect(url, origin="https://elsewhere.example") as socket:
        # A socket that were left open would get this window, and the test would not wait.
        camera.send_windows(0)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd.code == 1008


async def test_a_consumer_that_stops_reading_costs_the_others_nothing(serve):
    async with DvPeer() as camera:
        service = await serve(cameras=cameras(camera), limits={"camera_queue": 64})
        url = f"{service.ws}/v1/cameras/hall/windows"
        stuck = await asyncio.open_connection(*url.split("/")[2].split(":"))
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13"
        stuck[1].write(
            f"GET /v1/cameras/hall/windows HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Connection: Upgrade\r\nUpgrade: websocket\r\n{key}\r\n\r\n".encode()
        )
        await service.until("hall", lambda status: status.subscribers == 1)
        await camera.connected()
        async with websockets.connect(url, max_queue=None) as reader:
            await service.until("hall", lambda status: status.subscribers == 2)
            seen = []
            for number in range(300):
                camera.send_windows(number)
                seen.append(int(decode_message(await reader.recv())[0]["seq"]))
            assert seen == list(range(1, 301))
        dropped = (await service.http.get("/metrics")).text
        line = 'anonynoise_subscriber_windows_dropped_total{camera="hall"} '
        assert float(dropped.split(line)[1].split("\n")[0]) > 0
        stuck[1].close()


async def test_two_hundred_consumers(serve, camera):
    service = await serve(cameras=cameras(camera))
    url = f"{service.ws}/v1/cameras/hall/windows?dtype=float16"
    await camera.connected()
    sockets = await asyncio.gather(*(websockets.connect(url, open_timeout=60) for _ in range(200)))
    await service.until("hall", lambda status: status.subscribers == 200)
    camera.send_windows(0)
    received = await asyncio.gather(*(socket.recv() for socket in sockets))
    assert len(set(received)) == 1
    await asyncio.gather(*(socket.close() for socket in sockets))
    await service.until("hall", lambda status: status.subscribers == 0)


async def test_no_more_subscribers_than_allowed(serve, camera):
    service = await serve(cameras=cameras(camera), limits={"subscribers": 1})
    url = f"{service.ws}/v1/cameras/hall/windows"
    async with websockets.connect(url), websockets.connect(url) as second:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await second.recv()
    assert closed.value.rcvd.code == 1013


async def test_what_a_client_sends_is_bounded_and_not_listened_to(serve, camera):
    service = await serve(cameras=cameras(camera))
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        await socket.send(json.dumps({"dtype": "float16"}))
        camera.send_windows(0)
        assert load(await socket.recv())["anonymized"].dtype == np.float32
        await socket.send(b"x" * (1 << 20))
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd.code == 1009
