"""USB cameras, through the drivers that optional extras install.

Written to the documented interfaces of dv-processing 2.0 and neuromorphic-drivers 0.18.
"""

import importlib
import time
from abc import ABC, abstractmethod
from types import ModuleType
from typing import Any

from events.packet import Packet, SensorSize, packet

#: How long one read may wait for events.
_READ_S = 0.1
_POLL_S = 0.002


class CameraError(Exception):
    """A camera that cannot be opened or has gone, in one line."""


class DriverMissing(CameraError):
    """The driver's extra is not installed."""


class UsbCamera(ABC):
    """An open camera. Everything here may block, so call it in a thread."""

    name: str
    sensor: SensorSize

    @abstractmethod
    def read(self) -> Packet | None:
        """The next events; None if none came within 0.1 s.

        Raises :class:`CameraError` when the camera is gone.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the device."""


def _driver(module: str, extra: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DriverMissing(
            f"{module} is not installed: pip install 'anonynoise-edge[{extra}]'"
        ) from None


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


class InivationCamera(UsbCamera):
    """DVXplorer, DAVIS and DVS128, with dv-processing."""

    def __init__(self) -> None:
        cameras = _driver("dv_processing", "inivation").io.camera
        try:
            if not cameras.discover():
                raise CameraError("no iniVation camera attached")
            self._device: Any = cameras.open()
            resolution = self._device.getEventResolution()
        except (RuntimeError, ValueError, IndexError, OSError) as error:
            raise CameraError(f"iniVation camera: {_one_line(error)}") from None
        if resolution is None:
            raise CameraError("this iniVation camera has no events")
        self.name = str(self._device.getCameraName())
        self.sensor = SensorSize(int(resolution[0]), int(resolution[1]))

    def read(self) -> Packet | None:
        give_up_s = time.monotonic() + _READ_S
        while True:
            try:
                batch = self._device.getNextEventBatch()
                running = self._device.isRunning()
            except (RuntimeError, ValueError) as error:
                raise CameraError(f"{self.name}: {_one_line(error)}") from None
            if batch is not None and batch.size():
                events = batch.numpy()
                return packet(events["timestamp"], events["x"], events["y"], events["polarity"])
            if not running:
                raise CameraError(f"{self.name}: the camera is gone")
            if time.monotonic() >= give_up_s:
                return None
            # dv-processing returns at once when it has nothing.
            time.sleep(_POLL_S)

    def close(self) -> None:
        self._device = None


class PropheseeCamera(UsbCamera):
    """EVK3 HD, EVK4 and their relatives, with neuromorphic-drivers."""

    def __init__(self) -> None:
        drivers = _driver("neuromorphic_drivers", "prophesee")
        try:
            listed = [
                device
                for device in drivers.list_devices()
                if not device.name.value.startswith("iniVation")
            ]
            if not listed:
                raise CameraError("no Prophesee camera attached")
            if listed[0].error:
                raise CameraError(f"{listed[0].name.value}: {listed[0].error}")
            self._device: Any = drivers.open(serial=listed[0].serial, iterator_timeout=_READ_S)
            properties = self._device.properties()
        except (RuntimeError, ValueError, OSError) as error:
            raise CameraError(f"Prophesee camera: {_one_line(error)}") from None
        self.name = f"{listed[0].name.value} {listed[0].serial or ''}".strip()
        self.sensor = SensorSize(int(properties.width), int(properties.height))

    def read(self) -> Packet | None:
        try:
            _, received = next(self._device)
        except StopIteration:
            raise CameraError(f"{self.name}: the camera is gone") from None
        except (RuntimeError, ValueError) as error:
            raise CameraError(f"{self.name}: {_one_line(error)}") from None
        events = None if received is None else received.polarity_events
        if events is None or not len(events):
            return None
        return packet(events["t"], events["x"], events["y"], events["on"])

    def close(self) -> None:
        self._device.close()


DRIVERS: dict[str, type[UsbCamera]] = {
    "inivation": InivationCamera,
    "prophesee": PropheseeCamera,
}


def open_camera(driver: str) -> UsbCamera:
    """The first camera that ``driver``, or with ``auto`` any installed driver, finds.

    Raises :class:`CameraError`.
    """
    if driver != "auto":
        return DRIVERS[driver]()  # type: ignore[call-arg]
    problems: list[CameraError] = []
    for kind in DRIVERS.values():
        try:
            return kind()  # type: ignore[call-arg]
        except CameraError as error:
            problems.append(error)
    tried = [error for error in problems if not isinstance(error, DriverMissing)]
    raise CameraError("; ".join(str(error) for error in tried or problems))
