import hashlib
from pathlib import Path

import numpy as np
import pytest

from events.packet import SensorSize
from tests.training.datasets.makers import events, representation, session
from training.datasets import Dataset, load_dataset
from training.datasets.dvs_gesture import index
from training.datasets.gestures import CLASSES
from training.datasets.windows import live_windows, whole_window
from training.errors import TrainingError

SIZE = representation(128, 128)
DVS128 = SensorSize(128, 128)


def _load(root: Path, window: str = "live") -> Dataset:
    return load_dataset("dvs_gesture", root, SIZE, window)  # type: ignore[arg-type]


def _sessions(root: Path) -> Path:
    for seed, name in enumerate(("user01_natural", "user01_fluorescent_led", "user24_lab")):
        session(root, name, seed=100 * seed)
    return root


def _arrays(root: Path, scale: int) -> Path:
    for folder, name in (("Train", "user01_natural"), ("Test", "user24_lab")):
        path = root / f"ibmGesture{folder}" / name
        path.mkdir(parents=True)
        for label in range(11):
            recording = events(label, span_us=25_000)
            columns = [recording[name] for name in "xyp"] + [recording["t"] // scale]
            np.save(path / f"{label}.npy", np.stack(columns, axis=1).astype(np.float64))
    return root


@pytest.mark.parametrize("inside", ["", "DvsGesture"])
def test_every_trial_is_a_recording(tmp_path: Path, inside: str) -> None:
    (tmp_path / inside).mkdir(exist_ok=True)
    _sessions(tmp_path / inside)
    found = _load(tmp_path)
    assert found.labels == CLASSES
    assert found.subjects == ("user01", "user24")
    assert found.conditions == ("fluorescent_led", "lab", "natural")
    assert set(found.train.subject) == {0} and set(found.test.subject) == {1}
    assert len(np.unique(found.train.recording)) == 22
    assert len(np.unique(found.test.recording)) == 11
    spec = SIZE.window_spec(DVS128)
    for label in range(11):
        trial = events(200 + label, start_us=1_000_000 + 30_000 * label)
        np.testing.assert_array_equal(
            found.test.windows[found.test.label == label], live_windows([trial], spec)
        )
    whole = _load(tmp_path, "whole")
    assert len(whole.train) == 22
    np.testing.assert_array_equal(
        whole.test.windows[:1], whole_window([events(200, start_us=1_000_000)], spec)
    )


def test_the_lists_say_the_split_where_they_are_there(tmp_path: Path) -> None:
    _sessions(tmp_path)
    (tmp_path / "trials_to_train.txt").write_text("user24_lab.aedat\n")
    (tmp_path / "trials_to_test.txt").write_text("user01_natural.aedat\n\n")
    found = _load(tmp_path)
    assert found.subjects[found.train.subject[0]] == "user24"
    assert set(found.conditions) == {"lab", "natural"}
    (tmp_path / "trials_to_test.txt").write_text("user02_natural.aedat\n")
    with pytest.raises(TrainingError, match=r"trials_to_test\.txt: user02_natural\.aedat is not"):
        _load(tmp_path)


def test_checksums_are_checked_where_they_are_there(tmp_path: Path) -> None:
    _sessions(tmp_path)
    assert index(tmp_path).notes == ("0 of 3 recordings have the published MD5 sum.",)
    path = tmp_path / "user24_lab.aedat"
    table = tmp_path / "dvsgesture_aedat_md5.txt"
    table.write_text(f"{hashlib.md5(path.read_bytes()).hexdigest()} {path.name}\n")
    assert _load(tmp_path).notes == ("1 of 3 recordings have the published MD5 sum.",)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(TrainingError, match=r"user24_lab\.aedat: MD5: is \w{32}, published is"):
        _load(tmp_path)


def test_a_label_file_of_another_recording_is_refused(tmp_path: Path) -> None:
    _sessions(tmp_path)
    labels = tmp_path / "user24_lab_labels.csv"
    labels.write_text(labels.read_text().replace("1,1000000,1025000", "1,9000000,9025000"))
    with pytest.raises(TrainingError, match=r"user24_lab\.aedat: .* a trial at 9000000 us"):
        _load(tmp_path)
    labels.unlink()
    with pytest.raises(TrainingError, match=r"user24_lab_labels\.csv: No such file"):
        _load(tmp_path)


def test_other_classes_and_names_are_refused(tmp_path: Path) -> None:
    _sessions(tmp_path)
    mapping = tmp_path / "gesture_mapping.csv"
    mapping.write_text("action,label\nhand_clapping,2\n")
    with pytest.raises(TrainingError, match="line 2: is no class"):
        _load(tmp_path)
    mapping.unlink()
    (tmp_path / "user1.aedat").touch()
    with pytest.raises(TrainingError, match=r"user1\.aedat: name: is not userXX_LIGHTING"):
        _load(tmp_path)


def test_a_truncated_recording_is_named(tmp_path: Path) -> None:
    path = session(tmp_path, "user01_natural")
    session(tmp_path, "user24_lab")
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(TrainingError, match=r"user01_natural\.aedat: offset \d+"):
        _load(tmp_path)


def test_a_session_without_events_is_named(tmp_path: Path) -> None:
    path = session(tmp_path, "user01_natural")
    path.write_bytes(path.read_bytes().split(b"END-HEADER\r\n")[0] + b"END-HEADER\r\n")
    with pytest.raises(TrainingError, match=r"user01_natural\.aedat: holds no event"):
        _load(tmp_path)


def test_a_class_without_a_trial_is_named(tmp_path: Path) -> None:
    session(tmp_path, "user01_natural")
    session(tmp_path, "user24_lab", trials=10)
    with pytest.raises(TrainingError, match="class other_gestures: has no window in the test"):
        _load(tmp_path)


def test_arrays_are_the_same_in_micro_and_milliseconds(tmp_path: Path) -> None:
    size = representation(128, 128, window_us=5_000)
    slow = events(0, span_us=25_000)
    spec = size.window_spec(DVS128)
    root = _arrays(tmp_path / "ms", 1000)
    found = load_dataset("dvs_gesture", root, size, "live")
    rounded = slow.copy()
    rounded["t"] = slow["t"] // 1000 * 1000
    np.testing.assert_array_equal(
        found.test.windows[found.test.label == 0], live_windows([rounded], spec)
    )
    assert found.labels == CLASSES and found.conditions == ("lab", "natural")
    assert "MD5" in found.notes[0]
    long = events(5, span_us=6_000_000)
    columns = np.stack([long[name] for name in "xypt"], axis=1)
    np.save(root / "ibmGestureTest/user24_lab/0.npy", columns)
    whole = load_dataset("dvs_gesture", root, size, "whole")
    np.testing.assert_array_equal(
        whole.test.windows[whole.test.label == 0], whole_window([long], spec)
    )


@pytest.mark.parametrize(
    ("array", "problem"),
    [
        (np.zeros((5, 3)), "is no array of x, y, p, t"),
        (np.zeros(5), "is no array of x, y, p, t"),
        (np.full((5, 4), -1), "holds what is no event"),
        (np.full((5, 4), np.nan), "holds what is no event"),
        (np.full((5, 4), "a"), "holds what is no event"),
        (np.full((5, 4), 128), "has no event, or one outside"),
        (np.zeros((0, 4)), "has no event, or one outside"),
    ],
)
def test_arrays_that_hold_no_events_are_named(
    tmp_path: Path, array: np.ndarray, problem: str
) -> None:
    _arrays(tmp_path, 1000)
    np.save(tmp_path / "ibmGestureTest/user24_lab/3.npy", array)
    with pytest.raises(TrainingError, match=rf"user24_lab/3\.npy: {problem}"):
        _load(tmp_path)


def test_an_array_of_no_class_is_named(tmp_path: Path) -> None:
    _arrays(tmp_path, 1000)
    np.save(tmp_path / "ibmGestureTest/user24_lab/11.npy", np.zeros((1, 4)))
    with pytest.raises(TrainingError, match=r"11\.npy: name: is no class"):
        _load(tmp_path)
