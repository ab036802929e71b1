import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from events.dv import DvDecoder, DvEncoder
from events.dv_server import DvServer
from events.packet import Packet, SensorSize, packet
from service.camera_bridge import bridge
from service.usb_camera import (
    CameraError,
    InivationCamera,
    PropheseeCamera,
    UsbCamera,
    open_camera,
)
from service.watchdog import ChildFailed, Heart, supervise
from tests.events.dv_oracles import HANG_S, joined

SENSOR = SensorSize(640, 480)


def some_events(count: int) -> Packet:
    n = np.arange(count)
    return packet(n * 10, n % SENSOR.width, n % SENSOR.height, n % 2)


class FakeCamera(UsbCamera):
    """Gives its packets, some silence between them, and is then unplugged."""

    name = "Fake_1"
    sensor = SENSOR

    def __init__(self, *packets: Packet) -> None:
        self._reads = iter([each for events in packets for each in (None, events)])

    def read(self) -> Packet | None:
        for events in self._reads:
            return events
        raise CameraError("Fake_1: the camera is gone")

    def close(self) -> None:
        pass


async def test_what_the_camera_says_arrives_over_the_network() -> None:
    packets = [some_events(5), some_events(100_000), some_events(1)]
    camera = FakeCamera(*packets)
    encoder = DvEncoder(camera.sensor, source=camera.name)
    server = DvServer(encoder.header)
    await server.start()
    decoder, beats = DvDecoder(), []
    async with asyncio.timeout(HANG_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await server.wait_for_client()
        with pytest.raises(CameraError, match="the camera is gone"):
            await bridge(camera, encoder, server, lambda: beats.append(None))
        await server.close(HANG_S)
        data = await reader.read()
        writer.close()
    received = [*decoder.feed(data), *decoder.finish()]
    assert (joined(received) == joined(packets)).all()
    assert max(map(len, received)) <= 1 << 15
    assert decoder.header and decoder.header.streams[0].source == "Fake_1"
    assert len(beats) == 6, "one a read, with or without events"


class FakeDevice:
    """What neuromorphic-drivers' ``open`` returns, as its documentation has it."""

    def __init__(self, packets: list[Any]) -> None:
        self._packets = iter(packets)
        self.closed = False

    def properties(self) -> Any:
        return SimpleNamespace(width=np.uint16(1280), height=np.uint16(720))

    def __next__(self) -> tuple[Any, Any]:
        packet = next(self._packets)
        if isinstance(packet, Exception):
            raise packet
        return SimpleNamespace(), packet

    def close(self) -> None:
        self.closed = True


def neuromorphic_drivers(monkeypatch: pytest.MonkeyPatch, listed: Any, device: Any) -> None:
    module = ModuleType("neuromorphic_drivers")
    module.list_devices = lambda: listed  # type: ignore[attr-defined]
    module.open = lambda serial, iterator_timeout: device  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "neuromorphic_drivers", module)


def listed(name: str = "Prophesee EVK4", error: str | None = None) -> Any:
    return SimpleNamespace(name=SimpleNamespace(value=name), serial="0042", error=error)


def test_a_prophesee_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    events = np.array(
        [(7, 1279, 719, True), (9, 0, 0, False)],
        dtype=[("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")],
    )
    device = FakeDevice(
        [
            None,
            SimpleNamespace(polarity_events=None),
            SimpleNamespace(polarity_events=events),
            RuntimeError("USB: no device\nand more"),
        ]
    )
    neuromorphic_drivers(monkeypatch, [listed("iniVation DAVIS 346"), listed()], device)
    camera = PropheseeCamera()
    assert (camera.name, camera.sensor) == ("Prophesee EVK4 0042", SensorSize(1280, 720))
    assert camera.read() is None
    assert camera.read() is None
    received = camera.read()
    assert received is not None
    assert (received == packet([7, 9], [1279, 0], [719, 0], [1, 0])).all()
    with pytest.raises(CameraError, match=r"^Prophesee EVK4 0042: USB: no device$"):
        camera.read()
    camera.close()
    assert device.closed


@pytest.mark.parametrize(
    ("devices", "problem"),
    [
        ([], "no Prophesee camera attached"),
        ([listed("iniVation DVXplorer")], "no Prophesee camera attached"),
        ([listed(error="no permission")], "Prophesee EVK4: no permission"),
    ],
)
def test_no_prophesee_camera(
    monkeypatch: pytest.MonkeyPatch, devices: list[Any], problem: str
) -> None:
    neuromorphic_drivers(monkeypatch, devices, None)
    with pytest.raises(CameraError, match=f"^{problem}$"):
        open_camera("prophesee")


class FakeInivation:
    """A dv-processing camera: batches, then nothing, then unplugged."""

    def __init__(self, *batches: Packet) -> None:
        self._batches = list(batches)
        self.running = True

    def getEventResolution(self) -> tuple[int, int]:
        return SENSOR.width, SENSOR.height

    def getCameraName(self) -> str:
        return "DVXplorer_DXA1"

    def isRunning(self) -> bool:
        return self.running

    def getNextEventBatch(self) -> Any:
        if not self._batches:
            return None
        events = self._batches.pop(0)
        columns = {"timestamp": events["t"], "polarity": events["p"]}
        columns |= {"x": events["x"].astype("<i2"), "y": events["y"].astype("<i2")}
        return SimpleNamespace(size=lambda: len(events), numpy=lambda: columns)


def dv_processing(monkeypatch: pytest.MonkeyPatch, open_it: Callable[[], Any], count: int) -> None:
    camera = SimpleNamespace(discover=lambda: [object()] * count, open=open_it)
    module = ModuleType("dv_processing")
    module.io = SimpleNamespace(camera=camera)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "dv_processing", module)


def test_an_inivation_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeInivation(some_events(0), some_events(9))
    dv_processing(monkeypatch, lambda: device, 1)
    camera = InivationCamera()
    assert (camera.name, camera.sensor) == ("DVXplorer_DXA1", SENSOR)
    received = camera.read()
    assert received is not None
    assert (received == some_events(9)).all()
    assert camera.read() is None
    device.running = False
    with pytest.raises(CameraError, match=r"^DVXplorer_DXA1: the camera is gone$"):
        camera.read()
    camera.close()


def test_an_inivation_camera_that_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise RuntimeError("no permission\nstack ...")

    dv_processing(monkeypatch, refuse, 1)
    with pytest.raises(CameraError, match=r"^iniVation camera: no permission$"):
        open_camera("inivation")


def test_a_missing_driver_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neuromorphic_drivers", None)
    monkeypatch.setitem(sys.modules, "dv_processing", None)
    with pytest.raises(CameraError, match=r"pip install 'anonynoise-edge\[prophesee\]'"):
        open_camera("prophesee")
    with pytest.raises(CameraError, match=r"\[inivation\].*\[prophesee\]"):
        open_camera("auto")


def test_auto_takes_the_camera_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    dv_processing(monkeypatch, lambda: None, 0)
    neuromorphic_drivers(monkeypatch, [listed()], FakeDevice([]))
    assert isinstance(open_camera("auto"), PropheseeCamera)
    neuromorphic_drivers(monkeypatch, [], None)
    with pytest.raises(
        CameraError, match=r"^no iniVation camera attached; no Prophesee camera attached$"
    ):
        open_camera("auto")


@pytest.mark.parametrize("driver", ["auto", "inivation", "prophesee"])
def test_the_command_without_a_camera(driver: str) -> None:
    pytest.importorskip("dv_processing")
    result = subprocess.run(
        [sys.executable, "-m", "anonynoise", "camera", "--driver", driver],
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    if not result.returncode or "listening" in result.stdout:
        pytest.skip("a camera is attached")
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def child(program: str) -> list[str]:
    return [sys.executable, "-c", "import os, signal, sys; fd = int(sys.argv[2]); " + program]


def test_a_supervised_childs_exit_code_is_handed_on() -> None:
    assert supervise(child("os.write(fd, b'..'); sys.exit(3)")) == 3


def test_a_child_that_shows_no_life_is_killed() -> None:
    silent = child(
        "os.write(fd, b'.'); signal.signal(15, signal.SIG_IGN); signal.alarm(600); signal.pause()"
    )
    with pytest.raises(ChildFailed, match=r"no sign of life for 0\.5 s"):
        supervise(silent, silence_s=0.5)


def test_a_child_that_crashes_is_an_error() -> None:
    with pytest.raises(ChildFailed, match="crashed with signal 9"):
        supervise(child("os.kill(os.getpid(), 9)"))


def test_a_signal_ends_the_child_gracefully() -> None:
    # The child asks its parent, this process, to stop; the parent hands that on.
    graceful = child(
        "signal.signal(15, lambda *_: sys.exit(0)); "
        f"os.kill({os.getpid()}, signal.SIGTERM); signal.alarm(600); signal.pause()"
    )
    before = signal.getsignal(signal.SIGTERM)
    assert supervise(graceful) == 0
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_heart_stops_with_its_listener() -> None:
    reading, writing = os.pipe()
    heart = Heart(writing)
    for _ in range(100_000):
        heart.beat()
    assert set(os.read(reading, 1 << 20)) == {ord(".")}
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        heart.beat()
    os.close(writing)
    Heart(None).beat()
