"""``POST /v1/anonymize``: a recording in, a windows stream out."""

import asyncio
import io
import json
import logging
import socket
import struct
from urllib.parse import urlsplit

import numpy as np
import pytest

from events.aedat4 import write_aedat4
from service.message import STREAM_TYPE, read_windows
from tests.service.peers import SENSOR, WINDOW_US, window_events
from tests.service.raw_http import raw_http
from tests.shared_data import shared

URL = "/v1/anonymize"


def parts(content: bytes) -> tuple[list, dict[str, str]]:
    """The windows of a stream, and the metadata of its last, tensorless message."""
    messages = []
    while content:
        (length,) = struct.unpack_from("<I", content)
        messages.append(content[4 : 4 + length])
        content = content[4 + length :]
    (header,) = struct.unpack_from("<Q", messages[-1])
    end = json.loads(messages[-1][8 : 8 + header])["__metadata__"]
    framed = b"".join(struct.pack("<I", len(one)) + one for one in messages[:-1])
    return list(read_windows(io.BytesIO(framed))), end


@pytest.fixture
def recording(tmp_path) -> bytes:
    path = tmp_path / "three.aedat4"
    write_aedat4(path, [window_events(number) for number in range(3)], SENSOR)
    return path.read_bytes()


async def test_every_window_of_a_recording_comes_back_covered(serve, recording):
    service = await serve()
    answer = await service.http.post(URL, content=recording)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == STREAM_TYPE
    windows, end = parts(answer.content)
    assert end == {
        "end": "complete",
        "error": "",
        "windows": "3",
        "events": "600",
        "outside": "0",
        "dropped": "0",
    }
    assert [metadata["t_start_us"] for metadata, _ in windows] == ["0", "100000", "200000"]
    for _, tensor in windows:
        assert tensor.shape == (10, SENSOR.height, SENSOR.width)
        assert 3 < tensor.std() < 5


async def test_text_and_float16(serve):
    service = await serve()
    body = "\n".join(f"{n} {n % 8} 0 {n % 2}" for n in range(250)).encode()
    parameters = {"dtype": "float16", "width": 8, "height": 6, "time_unit": "ms"}
    answer = await service.http.post(URL, content=body, params=parameters)
    windows, end = parts(answer.content)
    assert (len(windows), end["events"]) == (3, "250")
    assert windows[0][1].dtype == np.float16
    assert [metadata["events"] for metadata, _ in windows] == ["1", "1", "1"]


async def test_a_real_recording(serve):
    data = shared("recordings/dvs128-hand-short.aedat4").read_bytes()
    service = await serve()
    windows, end = parts((await service.http.post(URL, content=data, timeout=120)).content)
    assert (end["end"], end["events"]) == ("complete", "18342")
    least = sum(int(metadata["events"]) for metadata, _ in windows)
    assert least <= 18342 < 1000 * least


async def test_what_came_before_the_damage_comes_back(serve, recording):
    service = await serve()
    answer = await service.http.post(URL, content=recording[: len(recording) // 2])
    windows, end = parts(answer.content)
    assert end["end"] == "error"
    assert "offset" in end["error"]
    assert windows
    least = sum(int(metadata["events"]) for metadata, _ in windows)
    assert least <= int(end["events"]) < 1000 * least


@pytest.mark.parametrize(
    ("body", "parameters", "says"),
    [
        (b"", {}, "upload: is empty"),
        (b"\xff\xfe\x00", {}, "upload: is not in a format that is known here"),
        (b"1 2 3 1\n", {}, "does not say its sensor's size: width, height"),
        (b"1 2 3\n", {"width": 9, "height": 9}, "upload:"),
        (b"1 2 3 1\n", {"width": 8192, "height": 8192}, "is over"),
        (b"1 2 3 1\n", {"width": 1 << 20, "height": 1}, "width: Input should be less"),
        (b"1 2 3 1\n", {"time_unit": "days"}, "time_unit: Input should be"),
        (b"0.5 2 3 1\n", {"width": 9, "height": 9}, "time"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_one_line(serve, body, parameters, says):
    service = await serve()
    answer = await service.http.post(URL, content=body, params=parameters)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]


async def test_an_upload_over_the_limit(serve):
    service = await serve(limits={"upload_bytes": 1000})

    async def pieces():
        for _ in range(64):
            yield b"1 2 3 1\n" * 64

    announced = await service.http.post(URL, content=b"1 2 3 1\n" * 200)
    unannounced = await service.http.post(URL, content=pieces())
    for answer in (announced, unannounced):
        assert answer.status_code == 413
        assert "limits.upload_bytes 1000" in answer.json()["detail"]
    ok = await service.http.post(URL, content=b"1 2 3 1\n", params={"width": 9, "height": 9})
    assert ok.status_code == 200


async def test_a_window_over_the_memory_bound(serve, recording):
    service = await serve(limits={"window_bytes": 1000})
    answer = await service.http.post(URL, content=recording)
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith("at most 1000 allowed (limits.window_bytes)")


async def test_places_for_uploads_are_bounded_and_given_back(serve, recording):
    service = await serve(limits={"uploads": 1})
    places = service.service.uploads
    await places.acquire()
    assert (await service.http.post(URL, content=recording)).status_code == 429
    places.release()
    for _ in range(3):
        assert (await service.http.post(URL, content=recording)).status_code == 200
        assert (await service.http.post(URL, content=b"nonsense")).status_code == 422
    async with service.http.stream("POST", URL, content=recording) as lost:
        assert lost.status_code == 200
    # The service learns a moment later than the client that nobody reads on.
    async with asyncio.timeout(20):
        await places.acquire()
    places.release()
    assert (await service.http.post(URL, content=recording)).status_code == 200
    assert service.service.anonymizer.manifest.representation.window_us == WINDOW_US


async def test_a_body_that_does_not_go_on_gives_its_place_back(serve, recording):
    service = await serve(limits={"uploads": 1, "stall_s": 0.05})
    async with raw_http(service) as http:
        http.send(
            f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n#".encode()
        )
        status, body = await http.answer()
    assert (status, json.loads(body)) == (
        408,
        {"detail": "the recording did not go on for limits.stall_s 0.05 s"},
    )
    assert (await service.http.post(URL, content=recording)).status_code == 200


async def test_who_leaves_before_the_end_leaves_no_error_behind(serve, caplog):
    service = await serve(limits={"uploads": 1})
    place = urlsplit(service.server.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
    writer.write(f"{head}Expect: 100-continue\r\n\r\n".encode())
    # Said once the body is waited for, when the place is taken.
    assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
    assert service.service.uploads.locked()
    writer.transport.abort()
    async with asyncio.timeout(20):
        await service.service.uploads.acquire()
    # A later request: what the lost one had to say was said by then.
    service.service.uploads.release()
    assert (await service.http.get("/health/live")).status_code == 200
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_an_answer_that_is_not_read_gives_its_place_back(serve):
    service = await serve(limits={"uploads": 1, "stall_s": 0.05})
    place = urlsplit(service.server.url)
    body = b"1 2 3 1\n"
    head = f"POST {URL}?width=640&height=480 HTTP/1.1\r\nHost: localhost\r\n"
    with socket.socket() as deaf:
        # A window of 12 MB does not fit in between.
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, (place.hostname, place.port))
        await loop.sock_sendall(deaf, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert (await loop.sock_recv(deaf, 15)) == b"HTTP/1.1 200 OK"
        async with asyncio.timeout(20):
            await service.service.uploads.acquire()
