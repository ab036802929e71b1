"""A recognizer beside a running service: it labels what is published, and is in nobody's way."""

import asyncio
import logging
import threading

import numpy as np
import pytest
import websockets

from models.classifier import Classifier
from service.message import decode_message
from tests.service.classifiers import add_classifier
from tests.service.peers import DvPeer


@pytest.fixture
def recognizing(serve, camera, repository):
    """Starts a service with the recognizer for gestures and the one camera."""
    add_classifier(repository)

    async def start(**config):
        return await serve(
            **{"recognizers": ["gesture"], "cameras": [{"id": "hall", "url": camera.url}]} | config
        )

    return start


def metric(text: str, name: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith(name)]
    return float(lines[0].rpartition(" ")[2]) if lines else 0.0


async def metrics(service, name: str) -> float:
    return metric((await service.http.get("/metrics")).text, name)


async def test_the_newest_label_is_in_the_cameras_status(recognizing, camera):
    service = await recognizing()
    await camera.connected()
    status = (await service.http.get("/v1/cameras/hall")).json()
    assert (status["recognized"], status["recognition_problem"]) == (None, None)
    camera.send_windows(0, 3)
    await service.until("hall", lambda status: status.recognized and status.recognized.seq >= 3)
    status = (await service.http.get("/v1/cameras/hall")).json()
    assert status["recognized"] == {
        "task": "gesture",
        "label": "wave",
        "probability": pytest.approx(np.exp(3) / (np.exp(3) + np.exp(1) + 1), abs=1e-4),
        "seq": status["recognized"]["seq"],
    }
    assert status["subscribers"] == 0
    listed = (await service.http.get("/v1/cameras")).json()["cameras"]
    assert listed[0]["recognized"]["label"] == "wave"
    assert await metrics(service, 'anonynoise_windows_recognized_total{camera="hall"}') >= 1


async def test_a_label_goes_when_nothing_happens_any_more(serve, camera, repository):
    add_classifier(repository, fewest_events=1000)
    service = await serve(recognizers=["gesture"], cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    camera.send_windows(0, 3, events=1200)
    # The fourth window holds the one event that ended the third; the wall clock closes it.
    counted = service.service.metrics.registry.get_sample_value

    def looked_at() -> float:
        hall = {"camera": "hall"}
        overflow = {**hall, "cause": "overflow"}
        return (counted("anonynoise_windows_recognized_total", hall) or 0) + (
            counted("anonynoise_windows_not_recognized_total", overflow) or 0
        )

    await service.until("hall", lambda _: looked_at() == 4)
    status = (await service.http.get("/v1/cameras/hall")).json()
    assert (status["recognized"], status["recognition_problem"]) == (None, None)


@pytest.fixture
def stuck(monkeypatch):
    """Called, makes every classification hang until the test ends."""
    release = threading.Event()

    def hang():
        monkeypatch.setattr(Classifier, "classify", lambda *_: release.wait() and None)

    yield hang
    release.set()


async def test_one_that_hangs_delays_no_window_and_no_shutdown(recognizing, camera, stuck, caplog):
    service = await recognizing()
    stuck()
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        sequence = []
        for number in range(12):
            camera.send_windows(number)
            sequence.append(int(decode_message(await socket.recv())[0]["seq"]))
        assert sequence == list(range(1, 13))
    status = (await service.http.get("/v1/cameras/hall")).json()
    assert status["recognized"] is None
    assert status["dropped"] == {}
    name = 'anonynoise_windows_not_recognized_total{camera="hall",cause="overflow"}'
    assert await metrics(service, name) >= 9
    assert await metrics(service, "anonynoise_subscriber_windows_dropped_total") == 0
    async with asyncio.timeout(20):
        await service.service.stop()
    assert "left behind" not in caplog.text


async def test_one_that_fails_is_counted_and_said_and_publishing_goes_on(
    recognizing, camera, monkeypatch, caplog
):
    def fails(self, tensor):
        raise RuntimeError(f"at {tensor.max()}")

    service = await recognizing()
    monkeypatch.setattr(Classifier, "classify", fails)
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await camera.connected()
        for number in range(4):
            camera.send_windows(number)
            assert decode_message(await socket.recv())
            await service.until("hall", lambda status: status.recognition_problem)
    name = 'anonynoise_windows_not_recognized_total{camera="hall",cause="failed"}'
    async with asyncio.timeout(20):
        while await metrics(service, name) < 4:
            await asyncio.sleep(0)
    status = (await service.http.get("/v1/cameras/hall")).json()
    assert (status["recognized"], status["recognition_problem"]) == (None, "the classifier failed")
    assert (await service.http.get("/health/ready")).status_code == 200
    said = [record for record in caplog.records if record.message == "cannot recognize"]
    assert [record.reason for record in said] == ["RuntimeError"]


async def test_cameras_come_and_go(recognizing, camera):
    service = await recognizing()
    await camera.connected()
    camera.send_windows(0)
    await service.until("hall", lambda status: status.recognized)
    async with DvPeer() as other:
        added = await service.http.post("/v1/cameras", json={"id": "door", "url": other.url})
        assert added.json()["recognized"] is None
        await other.connected()
        other.send_windows(0)
        await service.until("door", lambda status: status.recognized)
        assert (await service.http.delete("/v1/cameras/door")).status_code == 204
        again = await service.http.post("/v1/cameras", json={"id": "door", "url": other.url})
        assert again.json()["recognized"] is None
        await other.connected(2)
        other.send_windows(1)
        await service.until("door", lambda status: status.recognized)


async def test_a_window_it_does_not_take_is_said(recognizing, camera, repository):
    add_classifier(repository, "square", task="emotion", height=128, width=128)
    service = await recognizing(recognizers=["emotion"])
    await camera.connected()
    camera.send_windows(0)
    status = await service.until("hall", lambda status: status.recognition_problem)
    assert "128" in status.recognition_problem
    assert status.windows >= 1


@pytest.mark.parametrize(
    ("recognizer", "says"),
    [
        ("emotion", "no classifier for the model"),
        ("/no/such/folder", "does not exist"),
        ("gaussian-4", ""),
    ],
)
async def test_without_its_recognizer_the_service_publishes(
    recognizing, camera, caplog, recognizer, says
):
    with caplog.at_level(logging.ERROR):
        service = await recognizing(recognizers=[recognizer])
    assert (await service.http.get("/health/ready")).status_code == 200
    await camera.connected()
    camera.send_windows(0)
    status = await service.until("hall", lambda status: status.windows)
    assert status.recognized is None
    assert status.recognition_problem
    assert says in status.recognition_problem
    assert "/" not in status.recognition_problem
    assert [record.message for record in caplog.records].count("no recognizer") == 1
