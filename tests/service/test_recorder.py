"""Recordings of anonymized windows: complete, bounded, and no danger to the service."""

import asyncio
import json
import logging
import os
import resource
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import websockets

from models.verdict import Anonymized
from service.config import RecordConfig
from service.message import Message, decode_message, read_windows
from service.metrics import Metrics
from service.recorder import SUFFIX, Recorder
from tests.service.peers import DvPeer

WINDOW = Anonymized(np.ones((10, 24, 32), np.float32))


def recorded(folder):
    for path in sorted(folder.glob(f"*/*{SUFFIX}")):
        with path.open("rb") as file:
            yield from read_windows(file)


def record_windows(folder: Path, numbers: Iterable[int]) -> Metrics:
    """Record a window for each of ``numbers``, as camera ``hall``."""
    metrics = Metrics()
    recorder = Recorder(RecordConfig(folder=folder), metrics)
    for number in numbers:
        recorder.put("hall", Message(WINDOW, {"seq": str(number)}))
    recorder.close()
    return metrics


async def play(service, camera: DvPeer, first: int, count: int) -> list:
    received = []
    async with websockets.connect(f"{service.ws}/v1/cameras/hall/windows") as socket:
        await service.until("hall", lambda status: status.subscribers == 1)
        for number in range(first, first + count):
            camera.send_windows(number)
            received.append(decode_message(await socket.recv()))
    return received


async def test_what_is_recorded_is_what_was_published(serve, camera, tmp_path):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}], record={"folder": tmp_path})
    await camera.connected()
    received = await play(service, camera, 0, 4)
    await service.service.stop()
    kept = list(recorded(tmp_path))
    assert [one[0] for one in kept[:4]] == [one[0] for one in received]
    for mine, theirs in zip(kept, received, strict=False):
        np.testing.assert_array_equal(mine[1], theirs[1])
    folder = tmp_path / "hall"
    assert folder.stat().st_mode & 0o077 == 0


async def test_the_oldest_recordings_go(serve, camera, tmp_path):
    limits = {"max_bytes": 1 << 20, "file_bytes": 1 << 18}
    service = await serve(
        cameras=[{"id": "hall", "url": camera.url}], record={"folder": tmp_path, **limits}
    )
    old = tmp_path / "gone" / f"20200101T000000-0{SUFFIX}"
    old.parent.mkdir()
    old.write_bytes(b"x")
    os.utime(old, (1, 1))
    await camera.connected()
    await play(service, camera, 0, 60)
    await service.service.stop()
    files = list(tmp_path.glob(f"*/*{SUFFIX}"))
    assert not old.exists()
    assert sum(path.stat().st_size for path in files) <= limits["max_bytes"]
    kept = [int(metadata["seq"]) for metadata, _ in recorded(tmp_path)]
    # The newest are there, without a hole.
    assert kept == list(range(kept[0], kept[0] + len(kept)))
    assert kept[-1] >= 60


@pytest.mark.parametrize("file_bytes", [1 << 18, 256 << 20])
@pytest.mark.parametrize(
    "windows",
    [
        # One camera fills the room alone, then the others come.
        {"a": 36, "b": 8, "c": 8, "d": 8},
        # Each falls silent as soon as it has had its share of the room.
        {"a": 16, "b": 8, "c": 5, "d": 4, "e": 3, "f": 3},
    ],
)
def test_many_cameras_keep_to_one_limit(tmp_path, file_bytes, windows):
    config = RecordConfig(folder=tmp_path, max_bytes=1 << 20, file_bytes=file_bytes)
    metrics = Metrics()
    recorder = Recorder(config, metrics)
    window = Anonymized(np.zeros((10, 24, 32), np.float32))
    for camera, count in windows.items():
        for seq in range(count):
            recorder.put(camera, Message(window, {"camera": camera, "seq": str(seq)}))
    recorder.close()
    assert b"anonynoise_record_failures_total 0.0" in metrics.exposition()
    assert sum(path.stat().st_size for path in tmp_path.glob(f"*/*{SUFFIX}")) <= config.max_bytes
    kept = {(metadata["camera"], metadata["seq"]) for metadata, _ in recorded(tmp_path)}
    assert {(camera, str(count - 1)) for camera, count in list(windows.items())[1:]} <= kept


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """A write beyond ``size`` takes what fits and the next one fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_window_that_fits_in_part_leaves_no_part(tmp_path, caplog):
    with files_end_at(WINDOW.tensor.nbytes * 3 // 2):
        metrics = record_windows(tmp_path, range(4))
    # Every second one was the second of its file.
    assert [metadata["seq"] for metadata, _ in recorded(tmp_path)] == ["0", "2"]
    assert {line.reason for line in caplog.records} == {"File too large"}
    exposition = metrics.exposition().decode()
    assert "anonynoise_record_failures_total 2.0" in exposition
    size = sum(path.stat().st_size for path in tmp_path.glob("hall/*"))
    assert f"anonynoise_recorded_bytes_total {float(size)}" in exposition


def test_a_disk_that_takes_nothing_is_not_filled_with_empty_files(tmp_path):
    with files_end_at(WINDOW.tensor.nbytes // 2):
        metrics = record_windows(tmp_path, range(3))
    assert list(tmp_path.glob("hall/*")) == []
    assert b"anonynoise_record_failures_total 3.0" in metrics.exposition()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_is_really_full_keeps_what_was_whole(tmp_path, caplog):
    # Of the windows, 31 kB each, it takes one and a half.
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", tmp_path],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        record_windows(tmp_path, range(4))
        assert [metadata["seq"] for metadata, _ in recorded(tmp_path)] == ["0"]
        assert len(list(tmp_path.glob("hall/*"))) == 1
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert {line.reason for line in caplog.records} == {"No space left on device"}


async def test_a_disk_that_fails_costs_the_recording_only(serve, camera, tmp_path, caplog):
    (tmp_path / "hall").write_text("a file where the folder should be")
    service = await serve(cameras=[{"id": "hall", "url": camera.url}], record={"folder": tmp_path})
    await camera.connected()
    with caplog.at_level(logging.ERROR):
        assert len(await play(service, camera, 0, 3)) == 3
        async with asyncio.timeout(10):
            while (
                "anonynoise_record_failures_total 3.0"
                not in (await service.http.get("/metrics")).text
            ):
                await asyncio.sleep(0)
    said = [record for record in caplog.records if record.message == "cannot record"]
    assert [record.reason for record in said] == ["File exists"]
    assert json.dumps(said[0].camera) == '"hall"'
