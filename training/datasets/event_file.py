"""Events of one file, whatever format it is in."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from events.errors import EventDataError
from events.packet import Packet, SensorSize, packet
from events.recording import open_recording
from events.text import TimeUnit
from models.manifest import MOST_CELLS, Representation
from training.errors import TrainingError

_LARGEST_SIDE = 1 << 16


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn an :class:`EventDataError` of ``path`` into a :class:`TrainingError` naming it."""
    try:
        yield
    except EventDataError as error:
        place = [] if error.offset is None else [f"offset {error.offset}"]
        field = ": ".join([*place, *([error.field] if error.field else [])])
        raise TrainingError(
            error.problem, source=error.source or str(path), field=field or None
        ) from None


def load_arrays(path: Path) -> Any:
    """What an npy or npz file holds, objects refused. Raises :class:`TrainingError`."""
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            return {name: loaded[name] for name in loaded.files}
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
    except Exception:
        # Damage makes numpy, zipfile and zlib raise a dozen different things.
        raise TrainingError("is damaged, or no file of numpy arrays", source=str(path)) from None


def columns(path: Path, arrays: dict[str, NDArray[Any]] | NDArray[Any]) -> Packet:
    """Columns t (microseconds), x, y, p as one packet. Raises :class:`TrainingError`."""
    if not isinstance(arrays, dict):
        raise TrainingError("holds one array, not columns t, x, y, p", source=str(path))
    for name in "txyp":
        if name not in arrays:
            raise TrainingError("is not there", source=str(path), field=name)
        column = arrays[name]
        if column.ndim != 1 or column.dtype.kind not in "iub":
            raise TrainingError("is no column of integers", source=str(path), field=name)
        if len(column) != len(arrays["t"]):
            raise TrainingError("is not as long as t", source=str(path), field=name)
        if name in "xy" and len(column) and not 0 <= column.min() <= column.max() < _LARGEST_SIDE:
            raise TrainingError("lies outside 0..65535", source=str(path), field=name)
    return packet(arrays["t"], arrays["x"], arrays["y"], arrays["p"] > 0)


def own_sensor(path: Path, stated: SensorSize | None, representation: Representation) -> SensorSize:
    """The sensor that ``path`` was recorded with, which must be the model's.

    Raises :class:`TrainingError` if it is another, or if neither says it.
    """
    wanted = None
    if representation.height is not None and representation.width is not None:
        wanted = SensorSize(representation.width, representation.height)
    sensor = stated or wanted
    if sensor is None:
        raise TrainingError("says no size of its sensor", source=str(path))
    if wanted not in (None, sensor):
        raise TrainingError(
            f"is {sensor.width}x{sensor.height}, not {wanted.width}x{wanted.height}",
            source=str(path),
            field="sensor",
        )
    if representation.channels * sensor.width * sensor.height > MOST_CELLS:
        raise TrainingError(
            f"makes windows of more than {MOST_CELLS} cells", source=str(path), field="sensor"
        )
    return sensor


def joined(path: Path, packets: Iterable[Packet]) -> Packet:
    """All events of ``path``, which must be some. Raises :class:`TrainingError`."""
    with naming(path):
        events = [part for part in packets if len(part)]
    if not events:
        raise TrainingError("holds no event", source=str(path))
    return np.concatenate(events)


def read_events(
    path: Path, representation: Representation, time_unit: TimeUnit | None = None
) -> tuple[Iterable[Packet], SensorSize]:
    """Packets and sensor of a recording, or of an npz file with columns t, x, y, p.

    Raises :class:`TrainingError`; the packets raise :class:`EventDataError` where the file
    breaks.
    """
    if path.suffix == ".npz":
        return [columns(path, load_arrays(path))], own_sensor(path, None, representation)
    with naming(path):
        recording = open_recording(path, time_unit=time_unit)
    return recording.packets(), own_sensor(path, recording.sensor, representation)
