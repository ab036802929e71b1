from pathlib import Path

import numpy as np
import pytest

from events.packet import packet
from tests.events.encoders import text
from tests.shared_data import shared
from tests.training.datasets.makers import events, representation
from training.datasets import load_dataset
from training.datasets.event_reid import index
from training.datasets.gallery import allowed, queries
from training.errors import TrainingError

SIZE = representation(24, 24)


def _windows(root: Path, people: int = 4) -> Path:
    (root / "train").mkdir(parents=True)
    lines = []
    for person in range(1, people + 1):
        for camera in (1, 2):
            name = f"train/{person:03d}_c{camera}_007.txt"
            recording = events(10 * person + camera)
            recording["x"] += 300
            recording["y"] += 200
            (root / name).write_bytes(text(recording))
            lines.append(f"{name} {person:03d}\n")
    (root / "train_list.txt").write_text("".join(lines))
    return root


def test_the_authors_split_and_the_two_folds(tmp_path: Path) -> None:
    root = _windows(tmp_path / "data", 5)
    tests = {}
    for name in ("event_reid", "event_reid_even", "event_reid_odd"):
        found = load_dataset(name, root, SIZE)
        assert found.name == name and found.labels == () and found.conditions == ("c1", "c2")
        assert set(found.train.label) == {-1}
        tests[name] = {found.subjects[subject] for subject in found.test.subject}
    assert tests == {
        "event_reid": {"002", "005"},
        "event_reid_even": {"002", "004"},
        "event_reid_odd": {"001", "003", "005"},
    }
    assert found.notes == ("train: 4 files of 2 people.", "test: 6 files of 3 people.")


def test_a_person_is_cropped_padded_and_resized(tmp_path: Path) -> None:
    root = _windows(tmp_path / "data")
    corners = packet([0, 1, 2, 9], [100, 105, 100, 105], [50, 50, 61, 61], [1, 1, 0, 0])
    (root / "train/002_c1_007.txt").write_bytes(text(corners))
    found = load_dataset("event_reid", root, representation(24, 24, bins=1))
    (window,) = found.test.windows[found.test.condition == 0]
    # A box of 6x12 in the middle of 12x12, every pixel then two by two.
    off, on = np.zeros((2, 24, 24), np.uint8)
    on[0:2, 6:8] = on[0:2, 16:18] = 1
    off[22:24, 6:8] = off[22:24, 16:18] = 1
    np.testing.assert_array_equal(window, [off, on])


@pytest.mark.parametrize("side", [None, 304, 64])
def test_windows_have_the_size_of_the_representation(tmp_path: Path, side: int | None) -> None:
    found = load_dataset("event_reid", _windows(tmp_path / "data"), representation(side, side))
    assert found.test.windows.shape == (2, 10, side or 304, side or 304)


def test_gallery_and_query_lists_are_read_too(tmp_path: Path) -> None:
    root = _windows(tmp_path / "data")
    lines = (root / "train_list.txt").read_text().splitlines(keepends=True)
    (root / "train_list.txt").write_text("".join(lines[:4]))
    (root / "gallery_list.txt").write_text("".join(lines[4:]))
    (root / "query_list.txt").write_text(lines[4])
    assert len(index(root).entries) == 8


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("train/001_c1_007.txt", "is not `path id`"),
        ("train/009_c1_007.txt 009", "names a file that is not there"),
        ("../data/train/001_c1_007.txt 001", "names a file that is not there"),
        ("train/001_c1_007.txt 002", "id is not that of the file's name"),
        ("train/001_c1_007.txt one", "id is not that of the file's name"),
        ("train_list.txt 001", "id is not that of the file's name"),
    ],
)
def test_a_list_that_does_not_match_is_one_line(tmp_path: Path, line: str, problem: str) -> None:
    root = _windows(tmp_path / "data")
    with (root / "train_list.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(TrainingError) as caught:
        index(root)
    assert str(caught.value).startswith(f"{root / 'train_list.txt'}: line 9: {problem}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"# nothing\n", "holds no event"),
        (b"1 2 3 1\n1 2 x 1\n", "line 2: y is not a row"),
        (b"1 640 3 1\n", "holds an event outside 640x480"),
        (b"5 1 3 1\n1 2 3 1\n", "time: goes backwards"),
    ],
)
def test_a_damaged_window_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    root = _windows(tmp_path / "data")
    (root / "train/002_c1_007.txt").write_bytes(content)
    with pytest.raises(TrainingError, match=rf"002_c1_007\.txt: {problem}"):
        load_dataset("event_reid", root, SIZE)


def test_the_real_windows() -> None:
    root = shared("event-reid")
    even, odd = (
        load_dataset(f"event_reid_{part}", root, representation(304, 304))
        for part in ("even", "odd")
    )
    assert len(even.test) + len(odd.test) == 30 and even.subjects == odd.subjects
    for found, people in ((even, 5), (odd, 5)):
        assert len(np.unique(found.test.subject)) == people
        assert (np.asarray(found.test.windows).sum(axis=(1, 2, 3)) > 300).all()
        query = queries(found.test, "event_reid", np.random.default_rng(0))
        gallery = allowed(found.test, query, "event_reid")
        same = found.test.subject[query][:, None] == found.test.subject
        assert (gallery & same).any(axis=1).all()
