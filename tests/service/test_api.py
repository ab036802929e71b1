"""The HTTP interface: cameras added and removed while running, tokens, and what errors say."""

import asyncio

import pytest
from openapi_spec_validator import validate

from models.repository import PACKAGED_ROOT
from service.state import CameraState
from tests.service.conftest import ADMIN_TOKEN, READ_TOKEN
from tests.service.peers import DvPeer

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
        'anonynoise_windows_total{camera="hall"} 4.0',
        'anonynoise_camera_lag_seconds_count{camera="hall"} 4.0',
        'anonynoise_camera_state{camera="hall",state="waiting"} 0.0',
        'anonynoise_queue_depth{camera="hall"} 0.0',
        'anonynoise_subscribers{camera="hall"} 0.0',
        "anonynoise_inference_seconds_count 4.0",
    ):
        assert line in text.splitlines()


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
    for url in (camera.url, same, same.replace("dv", "raw")):
        answer = await service.http.post("/v1/cameras", json={"id": "twin", "url": url})
        assert answer.status_code == 409
        assert answer.json()["detail"] == "camera 'hall' reads this source already"
    async with DvPeer() as other:
        await service.http.post("/v1/cameras", json={"id": "twin", "url": other.url})
        moved = await service.http.patch("/v1/cameras/twin", json={"url": camera.url})
        assert moved.status_code == 409


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
    (inside / "escape").symlink_to("/etc/passwd")
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
