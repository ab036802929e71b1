"""Data sets as a whole, on the simplest of them: simulated recordings."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from events.packet import packet
from events.recording import open_recording
from tests.training.datasets.makers import SENSOR, representation, simulated
from training.datasets import Dataset, load_dataset
from training.datasets import simulated as simulated_recordings
from training.datasets.build import build
from training.datasets.windows import live_windows
from training.errors import TrainingError


def _load(root: Path, cache: Path | None = None, **options: object) -> Dataset:
    return load_dataset("simulated", root, representation(), "live", cache, **options)  # type: ignore[arg-type]


def _same(one: Dataset, other: Dataset) -> None:
    assert one.subjects == other.subjects and one.labels == other.labels
    for first, second in ((one.train, other.train), (one.test, other.test)):
        for name in ("windows", "subject", "label", "recording", "condition"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_every_window_knows_who_what_and_where(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    found = _load(root)
    assert found.subjects == tuple(f"subject-0{n}" for n in range(4))
    assert found.labels == ("class-0", "class-1")
    assert found.conditions == ("light-0", "light-1")
    assert (len(found.train), len(found.test)) == (24, 8)
    for windows in (found.train, found.test):
        for recording in np.unique(windows.recording):
            of_it = np.flatnonzero(windows.recording == recording)
            subject, label, condition = (
                column[of_it[0]] for column in (windows.subject, windows.label, windows.condition)
            )
            path = root / f"{subject}-{label}-{condition}.aedat4"
            expected = live_windows(
                open_recording(path).packets(), representation().window_spec(SENSOR)
            )
            np.testing.assert_array_equal(windows.windows[of_it], expected)
    assert set(found.train.subject) == {0, 1, 2} and set(found.test.subject) == {3}
    assert not set(found.train.recording) & set(found.test.recording)


def test_the_number_of_jobs_changes_nothing(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    _same(_load(root, jobs=1), _load(root, jobs=3))


def test_reading_tells_how_far_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root, cache = simulated(tmp_path / "data"), tmp_path / "cache"
    with caplog.at_level(logging.INFO):
        _load(root, cache, jobs=1)
    assert caplog.messages[0] == f"{root}: 4 of 16 recordings read"
    assert caplog.messages[-1] == f"{root}: 16 of 16 recordings read"
    caplog.clear()
    with caplog.at_level(logging.INFO):
        _load(root, cache)
    assert not caplog.messages


def test_cached_windows_are_memory_mapped_and_the_same(tmp_path: Path) -> None:
    root, cache = simulated(tmp_path / "data"), tmp_path / "cache"
    first, second = _load(root, cache), _load(root, cache)
    _same(first, second)
    _same(first, _load(root))
    assert isinstance(second.train.windows, np.memmap)
    (folder,) = cache.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["counts.npy", "windows.npy"]


def test_a_second_load_reads_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, cache = simulated(tmp_path / "data"), tmp_path / "cache"
    first = _load(root, cache)

    def refuse(*_: object) -> None:
        raise AssertionError("a recording was opened")

    monkeypatch.setattr(simulated_recordings, "read_events", refuse)
    _same(first, _load(root, cache))


def test_the_test_may_be_anyone(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    before = _load(root)
    labels = root / "labels.csv"
    text = labels.read_text().replace(",test", ",train")
    lines = [
        line.replace(",train", ",test") if "-01," in line else line for line in text.split("\n")
    ]
    labels.write_text("\n".join(lines))
    found = _load(root)
    assert set(found.test.subject) == {1} and set(found.train.subject) == {0, 2, 3}
    np.testing.assert_array_equal(
        found.test.windows, before.train.windows[before.train.subject == 1]
    )


def test_a_cache_whose_counts_are_of_other_windows_is_built_anew(tmp_path: Path) -> None:
    root, cache = simulated(tmp_path / "data"), tmp_path / "cache"
    _load(root, cache)
    (counts,) = cache.glob("*/counts.npy")
    np.save(counts, np.load(counts) + 1)
    _same(_load(root, cache), _load(root))


@pytest.mark.parametrize("file", ["windows.npy", "counts.npy"])
@pytest.mark.parametrize("damage", ["empty", "short", "other", "gone"])
def test_a_damaged_cache_is_built_anew(tmp_path: Path, file: str, damage: str) -> None:
    root, cache = simulated(tmp_path / "data"), tmp_path / "cache"
    _load(root, cache)
    (folder,) = cache.iterdir()
    path = folder / file
    if damage == "gone":
        path.unlink()
    elif damage == "other":
        np.save(path, np.zeros(3))
    else:
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) - 7] if damage == "short" else b"")
    _same(_load(root, cache), _load(root))
    _same(_load(root, cache), _load(root))


def test_other_recordings_windows_and_rules_have_other_caches(tmp_path: Path) -> None:
    root, cache = simulated(tmp_path / "data"), tmp_path / "cache"
    _load(root, cache)
    load_dataset("simulated", root, representation(), "whole", cache)
    load_dataset("simulated", root, representation(window_us=5_000), "live", cache)
    changed = root / "0-0-0.aedat4"
    os.utime(changed, ns=(1, 1))
    _load(root, cache)
    assert len(list(cache.iterdir())) == 4


def test_nothing_is_left_of_a_cache_that_failed(tmp_path: Path) -> None:
    root, cache = simulated(tmp_path / "data"), tmp_path / "cache"
    broken = root / "3-1-1.aedat4"
    broken.write_bytes(broken.read_bytes()[:200])
    with pytest.raises(TrainingError, match=r"3-1-1\.aedat4"):
        _load(root, cache)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(TrainingError, match=r"file/simulated-\w+: Not a directory|File exists"):
        _load(root, file)


@pytest.mark.parametrize("cached", [False, True])
def test_a_class_without_a_window_is_named(tmp_path: Path, cached: bool) -> None:
    root = simulated(tmp_path / "data")
    short = packet([0, 5], [0, 0], [0, 0], [0, 0])
    for name in ("3-1-0", "3-1-1"):
        np.savez(root / f"{name}.npz", **{column: short[column] for column in "txyp"})
    labels = root / "labels.csv"
    labels.write_text(labels.read_text().replace("3-1-0.aedat4", "3-1-0.npz"))
    labels.write_text(labels.read_text().replace("3-1-1.aedat4", "3-1-1.npz"))
    with pytest.raises(TrainingError, match="class class-1: has no window in the test split"):
        _load(root, tmp_path / "cache" if cached else None)


def test_a_subject_in_both_splits_is_refused(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    labels = root / "labels.csv"
    labels.write_text(labels.read_text().replace("light-1,test", "light-1,train"))
    with pytest.raises(TrainingError, match="subject subject-03: is in both splits"):
        _load(root)


def test_a_split_without_recordings_is_refused(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    labels = root / "labels.csv"
    labels.write_text(labels.read_text().replace(",test", ",train"))
    with pytest.raises(TrainingError, match="test split: has no window"):
        _load(root)
    labels.write_text("path,subject,label,lighting,split\n")
    with pytest.raises(TrainingError, match="lists no recording"):
        _load(root)


def test_windows_that_must_not_lie_on_a_disk_do_not(tmp_path: Path) -> None:
    index = simulated_recordings.index(simulated(tmp_path / "data"))
    index = replace(index, cacheable=False)
    with pytest.raises(TrainingError, match=r"^simulated: raw windows of people are kept in no"):
        build(index, representation(), "live", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
    assert len(build(index, representation(), "live").train) == 24


def test_only_histograms_can_be_stored(tmp_path: Path) -> None:
    voxels = representation().model_copy(update={"kind": "voxel_grid"})
    with pytest.raises(TrainingError, match=r"representation\.kind: .*voxel_grid"):
        build(simulated_recordings.index(simulated(tmp_path / "data")), voxels, "live")


def test_recordings_of_another_sensor_are_refused(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    with pytest.raises(TrainingError, match=r"aedat4: sensor: is 16x12, not 32x32"):
        load_dataset("simulated", root, representation(32, 32), "live")
    found = load_dataset("simulated", root, representation(None, None), "live")
    assert found.train.windows.shape[2:] == (12, 16)
