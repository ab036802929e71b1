"""The HTTP interface: cameras added and removed while running, tokens, and what errors say."""

import asyncio
import socket
from contextlib import suppress
from typing import get_args

import pytest
from openapi_spec_validator import validate

from events.aedat4 import write_aedat4
from models.repository import PACKAGED_ROOT
from models.verdict import Cause
from service.camera import Camera
from service.state import CameraState
from tests.service.conftest import ADMIN_TOKEN, READ_TOKEN
from tests.service.peers import SENSOR, DvPeer, window_events

TOKENS = {"read_token": READ_TOKEN, "admin_token": ADMIN_TOKEN}


async def test_health_model_and_metrics(serve):
    service = await serve()
    assert (await service.http.get("/health/live")).text == "ok"
    ready = await service.http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "reason": None})
    model = (await service.http.get("/v1/model")).json()
    assert model["provider"] == "CPUExecutionProvider"
    assert model["device"] == "cpu"
    assert model["manifest"]["sha256"] == model["sha256"]
    metrics = await service.http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "anonynoise_ready 1.0" in metrics.text


async def test_a_camera_lives_from_post_to_delete(serve, camera):
    service = await serve()
    added = await service.http.post("/v1/cameras", json={"id": "door", "url": camera.url})
    assert added.status_code == 201
    await camera.connected()
    camera.send_windows(0, 2)
    await service.until("door", lambda status: status.state is CameraState.STREAMING)
    await service.until("door", lambda status: status.windows == 3)
    status = (await service.http.get("/v1/cameras/door")).json()
    assert status["sensor"] == {"width": 32, "height": 24}
    assert status["events"] == 401
    assert status["latency_ms"] > 0
    listed = (await service.http.get("/v1/cameras")).json()["cameras"]
    assert [one["id"] for one in listed] == ["door"]

    paused = await service.http.patch("/v1/cameras/door", json={"enabled": False})
    assert paused.json()["state"] == "paused"
    resumed = await service.http.patch("/v1/cameras/door", json={"enabled": True})
    assert resumed.status_code == 200
    await camera.connected(2)

    assert (await service.http.delete("/v1/cameras/door")).status_code == 204
    assert (await service.http.get("/v1/cameras/door")).status_code == 404
    again = await service.http.post("/v1/cameras", json={"id": "door", "url": camera.url})
    assert again.status_code == 201


async def test_metrics_tell_a_cameras_story(serve, camera):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    camera.send_windows(0, 3, events=1200)
    # The fourth window holds the event that ended the third; the wall clock closes it.
    await service.until("hall", lambda status: status.windows == 4)
    text = (await service.http.get("/metrics")).text
    for line in (
        'anonynoise_events_total{camera="hall"} 3001.0',
        'anonynoise_events_outside_total{camera="hall"} 0.0',
        'anonynoise_windows_total{camera="hall"} 4.0',
        'anonynoise_camera_lag_seconds_count{camera="hall"} 4.0',
        'anonynoise_camera_state{camera="hall",state="waiting"} 0.0',
        'anonynoise_queue_depth{camera="hall"} 0.0',
        'anonynoise_subscribers{camera="hall"} 0.0',
        "anonynoise_inference_seconds_count 4.0",
    ):
        assert line in text.splitlines()


async def test_counters_begin_at_nothing(serve):
    # A rate does not see the first count of a series that begins with it.
    service = await serve()
    await service.http.post("/v1/cameras", json={"id": "hall", "url": "dv://127.0.0.1:1"})
    lines = (await service.http.get("/metrics")).text.splitlines()
    causes = [*get_args(Cause), "overflow", "audit"]
    for line in (
        *(f'windows_dropped_total{{camera="hall",cause="{cause}"}}' for cause in causes),
        *(f'{name}_total{{camera="hall"}}' for name in ("windows", "subscriber_windows_dropped")),
    ):
        assert f"anonynoise_{line} 0.0" in lines


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"id": "x"}, "url: Field required"),
        ({"id": "../x", "url": "dv://h:1"}, "id: String should match pattern"),
        ({"id": "x", "url": "http://h:1"}, "url: 'http://h:1' is none of dv://HOST:PORT"),
        ({"id": "x", "url": "dv://h"}, "url: 'h' is not HOST:PORT"),
        ({"id": "x", "url": "dv://h:99999"}, "url: 'h:99999' is not HOST:PORT"),
        ({"id": "x", "url": "file://etc"}, "url: 'file://etc': a file has an absolute path"),
        ({"id": "x", "url": "usb://kinect"}, "url: 'usb://kinect': expected usb://inivation"),
        ({"id": "x", "url": "dv://h:1", "width": 0}, "width: Input should be greater"),
        ({"id": "x", "url": "dv://h:1", "colour": 1}, "colour: Extra inputs are not permitted"),
        ([], "Input should be"),
    ],
)
async def test_a_bad_camera_is_refused_in_one_line(serve, body, says):
    service = await serve()
    answer = await service.http.post("/v1/cameras", json=body)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


async def test_one_source_is_read_once(serve, camera):
    # Two cameras on one source would be two noise draws over the same events.
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    same = f"dv://localhost:{camera.port}"
    hosts = ("127.1", "127.0.0.2", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]")
    aliases = [f"dv://{host}:{camera.port}" for host in hosts]
    for url in (camera.url, same, same.replace("dv", "raw"), *aliases):
        answer = await service.http.post("/v1/cameras", json={"id": "twin", "url": url})
        assert answer.status_code == 409
        assert answer.json()["detail"] == "camera 'hall' reads this source already"
    async with DvPeer() as other:
        await service.http.post("/v1/cameras", json={"id": "twin", "url": other.url})
        moved = await service.http.patch("/v1/cameras/twin", json={"url": camera.url})
        assert moved.status_code == 409


async def test_one_file_is_read_once(serve, tmp_path):
    (tmp_path / "link").symlink_to("walk.raw")
    service = await serve(recordings=tmp_path)
    walk = {"id": "hall", "url": f"file://{tmp_path}/walk.raw"}
    assert (await service.http.post("/v1/cameras", json=walk)).status_code == 201
    for name in ("/walk.raw", "./walk.raw", "link"):
        twin = {"id": "twin", "url": f"file://{tmp_path}/{name}"}
        assert (await service.http.post("/v1/cameras", json=twin)).status_code == 409


async def test_a_file_that_a_link_led_to_is_not_read_twice(serve, tmp_path):
    walk, run, link = (tmp_path / name for name in ("walk.aedat4", "run.aedat4", "link"))
    # Half a minute, longer than this takes.
    write_aedat4(walk, [window_events(number, events=5) for number in range(300)], SENSOR)
    link.symlink_to(walk)
    service = await serve(recordings=tmp_path)
    await service.http.post("/v1/cameras", json={"id": "hall", "url": f"file://{link}"})
    await service.until("hall", lambda status: status.state is CameraState.STREAMING)
    link.unlink()
    link.symlink_to(run)
    twin = {"id": "twin", "url": f"file://{walk}"}
    assert (await service.http.post("/v1/cameras", json=twin)).status_code == 201
    status = await service.until("twin", lambda status: status.reason is not None)
    assert status.reason == "camera 'hall' reads this source already"


@pytest.fixture
def slow_to_stop(monkeypatch):
    """Cameras that take long to stop, as one on USB does: time for another request to come."""
    stop = Camera.stop

    async def slowly(self):
        for _ in range(1000):
            await asyncio.sleep(0)
        await stop(self)

    monkeypatch.setattr(Camera, "stop", slowly)


async def test_a_change_at_the_same_time_does_not_undo_another(serve, camera, slow_to_stop):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await asyncio.gather(
        service.http.patch("/v1/cameras/hall", json={"width": 8}),
        service.http.patch("/v1/cameras/hall", json={"height": 6}),
    )
    await service.until("hall", lambda status: status.state is CameraState.QUIET)
    camera.send_windows(0)
    status = await service.until("hall", lambda status: status.events == 201)
    assert (status.sensor.width, status.sensor.height) == (8, 6)


async def test_of_two_cameras_that_go_to_one_source_at_once_one_does(serve, camera, slow_to_stop):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    async with DvPeer() as other:
        answers = await asyncio.gather(
            service.http.patch("/v1/cameras/hall", json={"url": other.url}),
            service.http.post("/v1/cameras", json={"id": "door", "url": other.url}),
        )
        await other.connected()
    assert sorted(answer.status_code for answer in answers)[1] == 409


async def test_a_camera_that_is_changed_while_it_is_removed_is_gone(serve, camera, slow_to_stop):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    await asyncio.gather(
        service.http.delete("/v1/cameras/hall"),
        service.http.patch("/v1/cameras/hall", json={"enabled": True}),
    )
    assert (await service.http.get("/v1/cameras")).json() == {"cameras": []}
    again = {"id": "hall", "url": camera.url}
    assert (await service.http.post("/v1/cameras", json=again)).status_code == 201
    await service.until("hall", lambda status: status.state is CameraState.QUIET)
    await service.http.delete("/v1/cameras/hall")
    await camera.left()


async def test_a_service_that_ends_starts_no_camera(serve, camera, monkeypatch):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    stopping = asyncio.Event()
    stop = Camera.stop

    async def noted(self):
        stopping.set()
        await stop(self)

    monkeypatch.setattr(Camera, "stop", noted)
    change = asyncio.create_task(service.http.patch("/v1/cameras/hall", json={"enabled": True}))
    await stopping.wait()
    await service.service.stop()
    await change
    late = await service.http.patch("/v1/cameras/hall", json={"enabled": True})
    added = await service.http.post("/v1/cameras", json={"id": "x", "url": "dv://127.0.0.1:1"})
    for answer in (late, added):
        assert answer.status_code == 503
        assert answer.json()["detail"] == "the service is shutting down"
    assert (await service.http.get("/v1/cameras/hall")).json()["state"] == "paused"
    await camera.left()


@pytest.fixture
def camera_example(monkeypatch):
    """A name, ``camera.example``, that leads to this machine."""
    look_up = socket.getaddrinfo

    def known(host, port, family=0, type=0, proto=0, flags=0):
        if host == "camera.example" and not flags & socket.AI_NUMERICHOST:
            host = "127.0.0.1"
        return look_up(host, port, family, type, proto, flags)

    monkeypatch.setattr(socket, "getaddrinfo", known)


async def test_one_source_by_another_name_is_not_read_twice(serve, camera, camera_example):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await service.until("hall", lambda status: status.state is CameraState.QUIET)
    twin = {"id": "twin", "url": f"dv://camera.example:{camera.port}"}
    assert (await service.http.post("/v1/cameras", json=twin)).status_code == 201
    status = await service.until("twin", lambda status: status.state is CameraState.FAILED)
    assert status.reason == "camera 'hall' reads this source already"
    camera.send_windows(0)
    await service.until("hall", lambda status: status.windows == 2)
    assert service.service.status("twin", exact=True).events == 0

    # What is no longer read can be, by whatever name; a lost connection is no reader.
    await service.http.delete("/v1/cameras/hall")
    await service.http.patch("/v1/cameras/twin", json={"enabled": True})
    await service.until("twin", lambda status: status.state is CameraState.QUIET)
    camera.send_windows(0)
    await service.until("twin", lambda status: status.windows == 2)
    camera.hang_up()
    await service.until("twin", lambda status: status.reconnects == 1)
    await service.until("twin", lambda status: status.state is CameraState.QUIET)


def own_address() -> str:
    """By which other machines would reach this one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nothing_is_sent:
        try:
            nothing_is_sent.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is on no network")
        return nothing_is_sent.getsockname()[0]


async def test_one_source_by_this_machines_own_address_is_not_read_twice(serve):
    address = own_address()
    async with DvPeer(host="0.0.0.0") as peer:
        service = await serve(cameras=[{"id": "hall", "url": peer.url}])
        await service.until("hall", lambda status: status.state is CameraState.QUIET)
        twin = {"id": "twin", "url": f"dv://{address}:{peer.port}"}
        assert (await service.http.post("/v1/cameras", json=twin)).status_code == 201
        status = await service.until("twin", lambda status: status.reason is not None)
    assert status.reason == "camera 'hall' reads this source already"


async def test_ids_are_taken_once_and_cameras_are_bounded(serve):
    service = await serve(limits={"cameras": 1})
    first = {"id": "a", "url": "dv://127.0.0.1:1"}
    assert (await service.http.post("/v1/cameras", json=first)).status_code == 201
    assert (await service.http.post("/v1/cameras", json=first)).status_code == 409
    second = {"id": "b", "url": "dv://127.0.0.1:2"}
    answer = await service.http.post("/v1/cameras", json=second)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "at most limits.cameras 1 cameras",
    )


async def test_files_come_from_the_folder_of_recordings_only(serve, tmp_path):
    inside = tmp_path / "recordings"
    inside.mkdir()
    (inside / "escape").symlink_to("/etc/group")
    service = await serve(recordings=inside)
    for name, url in (("a", "file:///etc/passwd"), ("b", f"file://{inside}/escape")):
        await service.http.post("/v1/cameras", json={"id": name, "url": url})
        status = await service.until(name, lambda status: status.state is CameraState.FAILED)
        assert status.reason.endswith("not in the folder of recordings")
    closed = await serve()
    await closed.http.post("/v1/cameras", json={"id": "a", "url": f"file://{inside}/x.raw"})
    status = await closed.until("a", lambda status: status.state is CameraState.FAILED)
    assert status.reason.startswith("file cameras need the setting recordings")


@pytest.mark.parametrize("path", ["/v1/cameras", "/v1/cameras/x", "/v1/model", "/metrics"])
async def test_reading_needs_a_token(serve, path):
    service = await serve(**TOKENS)
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {READ_TOKEN}"},
    ):
        answer = await service.http.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    for token in (READ_TOKEN, ADMIN_TOKEN):
        answer = await service.http.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code != 401


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/cameras"), ("PATCH", "/v1/cameras/x"), ("DELETE", "/v1/cameras/x")],
)
async def test_changing_needs_the_admin_token(serve, method, path):
    service = await serve(**TOKENS)
    body = {"id": "x", "url": "dv://127.0.0.1:1"} if method == "POST" else {}

    async def status(token: str | None) -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        content = {} if method == "DELETE" else {"json": body}
        return (await service.http.request(method, path, headers=headers, **content)).status_code

    assert await status(None) == 401
    assert await status(READ_TOKEN) == 403
    assert await status(ADMIN_TOKEN) in (201, 404)


async def test_health_and_the_page_need_no_token(serve):
    service = await serve(**TOKENS)
    for path in ("/health/live", "/health/ready", "/"):
        assert (await service.http.get(path)).status_code == 200


async def test_another_name_for_this_machine_is_refused(serve):
    # DNS rebinding: a page's own name, resolving to 127.0.0.1, must not reach the service.
    service = await serve()
    answer = await service.http.get("/v1/cameras", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 400
    named = await serve(allowed_hosts=["box.example"])
    for host, status in (("box.example", 200), ("127.0.0.1", 200), ("elsewhere.example", 400)):
        answer = await named.http.get("/health/live", headers={"Host": host})
        assert answer.status_code == status


async def test_security_headers_are_on_every_answer(serve):
    service = await serve(**TOKENS)
    for path in ("/", "/health/live", "/v1/cameras", "/nowhere"):
        headers = (await service.http.get(path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_openapi_is_valid_and_names_every_route_and_answer(serve, camera):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}], **TOKENS)
    schema = (await service.http.get("/openapi.json")).json()
    validate(schema)
    assert set(schema["paths"]) == {
        "/health/live",
        "/health/ready",
        "/metrics",
        "/v1/model",
        "/v1/cameras",
        "/v1/cameras/{id}",
        "/v1/cameras/{id}/windows/latest",
        "/v1/anonymize",
    }
    # What the service answers is what the schema says it may answer.
    for token in (None, READ_TOKEN, ADMIN_TOKEN):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for path, operations in schema["paths"].items():
            for method, operation in operations.items():
                for camera_id in ("hall", "none"):
                    answer = await service.http.request(
                        method, path.replace("{id}", camera_id), headers=headers
                    )
                    assert str(answer.status_code) in operation["responses"], (method, path)
                    if answer.status_code < 300 or answer.status_code == 422:
                        continue
                    assert isinstance(answer.json()["detail"], str), (method, path)


async def test_a_model_that_does_not_load_leaves_a_service_that_says_so(serve, camera, caplog):
    service = await serve(model="no-such-model", cameras=[{"id": "hall", "url": camera.url}])
    ready = await service.http.get("/health/ready")
    assert ready.status_code == 503
    # Anyone may ask whether it is ready, so the answer names no folder of this machine.
    assert ready.json()["reason"] == "the model does not load: the log says why"
    logged = [record.reason for record in caplog.records if record.message == "not ready"]
    assert logged == [f"no-such-model: no such model below {PACKAGED_ROOT}"]
    assert (await service.http.get("/health/live")).status_code == 200
    assert (await service.http.get("/v1/model")).status_code == 503
    add = {"id": "x", "url": camera.url}
    assert (await service.http.post("/v1/cameras", json=add)).status_code == 503
    assert (await service.http.post("/v1/anonymize", content=b"x")).status_code == 503
    assert "anonynoise_ready 0.0" in (await service.http.get("/metrics")).text
    assert camera.connections == 0


async def test_garbage_on_the_socket_is_answered_or_closed(serve):
    service = await serve()
    host, port = service.server.url.removeprefix("http://").split(":")
    for garbage in (b"\xff" * 4096, b"GET " + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n", b"\0" * 64):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(garbage)
        writer.write_eof()
        async with asyncio.timeout(20):
            # Closed while it still sends, a client may never see what it was answered.
            with suppress(ConnectionResetError):
                assert b"500" not in (await reader.read())[:16]
        writer.close()
    assert (await service.http.get("/health/live")).status_code == 200


async def test_many_bodies_that_are_not_json(serve):
    service = await serve()
    for content in (b"", b"{", b"\xff\xfe", b"null", b"[" * 10_000):
        answer = await service.http.post(
            "/v1/cameras", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (400, 422), content[:10]
        assert isinstance(answer.json()["detail"], str)
