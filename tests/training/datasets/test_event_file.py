import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.packet import SensorSize
from models.manifest import MOST_CELLS
from tests.training.datasets.makers import events, representation
from training.datasets.event_file import load_arrays, own_sensor, read_events
from training.errors import TrainingError


def _npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def _columns() -> dict[str, np.ndarray]:
    recording = events(1)
    return {name: recording[name] for name in "txyp"}


def test_columns_become_events(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    columns = _columns()
    path.write_bytes(_npz(**{**columns, "p": columns["p"].astype(np.int8) * 2 - 1}))
    packets, sensor = read_events(path, representation())
    assert sensor == SensorSize(16, 12)
    (found,) = packets
    for name in "txyp":
        np.testing.assert_array_equal(found[name], columns[name])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"t": None}, "t: is not there"),
        ({"x": np.zeros(400)}, "x: is no column of integers"),
        ({"p": np.zeros((400, 1), np.uint8)}, "p: is no column of integers"),
        ({"y": np.zeros(399, np.uint16)}, "y: is not as long as t"),
        ({"x": np.full(400, -1)}, "x: lies outside"),
        ({"y": np.full(400, 1 << 16)}, "y: lies outside"),
        ({"x": np.array([None] * 400)}, "is damaged, or no file of numpy arrays"),
    ],
)
def test_what_is_no_event_is_refused(
    tmp_path: Path, change: dict[str, np.ndarray | None], problem: str
) -> None:
    path = tmp_path / "a.npz"
    arrays = {
        name: column for name, column in {**_columns(), **change}.items() if column is not None
    }
    path.write_bytes(_npz(**arrays))
    with pytest.raises(TrainingError, match=f"a.npz: {problem}"):
        read_events(path, representation())


def test_one_array_under_the_name_of_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with path.open("wb") as file:
        np.save(file, np.array(["t", "x", "y", "p"]))
    with pytest.raises(TrainingError, match=r"a\.npz: holds one array, not columns"):
        read_events(path, representation())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_arrays_are_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(_npz(**_columns()))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "a.npz"
    path.write_bytes(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    try:
        read_events(path, representation())
    except TrainingError as error:
        assert str(error).startswith(str(path))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("a.npz", "a.aedat4"):
        with pytest.raises(TrainingError, match=rf"{name}: No such file"):
            read_events(tmp_path / name, representation())
    with pytest.raises(TrainingError, match=r"a\.npy: No such file"):
        load_arrays(tmp_path / "a.npy")


def test_a_sensor_is_stated_by_the_file_or_the_representation() -> None:
    path = Path("a")
    free = representation(None, None)
    assert own_sensor(path, SensorSize(3, 4), free) == SensorSize(3, 4)
    assert own_sensor(path, None, representation()) == SensorSize(16, 12)
    with pytest.raises(TrainingError, match="a: says no size"):
        own_sensor(path, None, free)
    with pytest.raises(TrainingError, match="a: sensor: is 3x4, not 16x12"):
        own_sensor(path, SensorSize(3, 4), representation())
    with pytest.raises(TrainingError, match=f"more than {MOST_CELLS} cells"):
        own_sensor(path, SensorSize(65_536, 65_536), free)
