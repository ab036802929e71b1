"""Anonymized windows on disk, as windows streams, under a retention limit.

One folder a camera, one file after another; the oldest files go when the recordings grow
too large or too old. A disk that fails costs the recording, never the service.
"""

import logging
import os
import queue
import threading
import time
from pathlib import Path
from typing import BinaryIO

from service.config import RecordConfig
from service.message import Message, frame
from service.metrics import Metrics

log = logging.getLogger(__name__)

SUFFIX = ".windows"
_MOST_WAITING = 64


class Recorder:
    """Writes messages in a thread of its own; what the disk cannot take in time is counted."""

    def __init__(self, config: RecordConfig, metrics: Metrics) -> None:
        self._config = config
        self._metrics = metrics
        self._waiting: queue.Queue[tuple[str, Message] | None] = queue.Queue(_MOST_WAITING)
        self._files: dict[str, BinaryIO] = {}
        self._failing = False
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._thread.start()

    def put(self, camera: str, message: Message) -> None:
        """Record a window, unless the disk is too far behind."""
        try:
            self._waiting.put_nowait((camera, message))
        except queue.Full:
            self._metrics.record_failures.inc()

    def close(self) -> None:
        """Write what waits, and close the files."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._waiting.get()) is not None:
            camera, message = item
            try:
                self._write(camera, frame(message.encode("float32")))
                self._failing = False
            except OSError as error:
                self._metrics.record_failures.inc()
                self._abandon(camera)
                if not self._failing:
                    log.error(
                        "cannot record",
                        extra={"camera": camera, "reason": os.strerror(error.errno or 0)},
                    )
                self._failing = True
        for file in self._files.values():
            file.close()

    def _abandon(self, camera: str) -> None:
        file = self._files.pop(camera, None)
        if file is not None:
            try:
                with file:
                    # A full disk still takes new names: one empty file for each lost window.
                    if os.fstat(file.fileno()).st_size == 0:
                        Path(file.name).unlink()
            except OSError:
                log.debug("recording lost its end", extra={"camera": camera})

    def _write(self, camera: str, data: bytes) -> None:
        file = self._files.get(camera)
        if file is not None and file.tell() + len(data) > self._file_bytes:
            self._files.pop(camera).close()
            file = None
        if file is None:
            folder = self._config.folder / camera
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # One reading of the clock: of two, the second may end in between.
            now_s, now_ns = divmod(time.time_ns(), 10**9)
            name = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now_s)) + f"-{now_ns:09}"
            file = self._files[camera] = (folder / (name + SUFFIX)).open("xb", buffering=0)
            self._retain()
        _append(file, data)
        self._metrics.recorded_bytes.inc(len(data))

    @property
    def _file_bytes(self) -> int:
        """Where a file ends; open files, one a recording camera, take half of the room at most."""
        share = self._config.max_bytes // (2 * max(1, len(self._files)))
        return min(self._config.file_bytes, share)

    def _retain(self) -> None:
        """Delete the oldest files until the rest, open files counted as full, fits the limits."""
        longest = self._file_bytes
        for camera, file in list(self._files.items()):
            # Ended when there were fewer cameras, it would have been shorter.
            if file.tell() > longest:
                self._files.pop(camera).close()
        open_files = {Path(file.name) for file in self._files.values()}
        files = sorted(
            (stat.st_mtime, stat.st_size, path)
            for path in self._config.folder.glob(f"*/*{SUFFIX}")
            if path not in open_files and (stat := path.stat())
        )
        room = self._config.max_bytes - longest * len(open_files)
        total = sum(size for _, size, _ in files)
        for modified_s, size, path in files:
            too_old = time.time() - modified_s > self._config.max_age_s
            if too_old or total > room:
                path.unlink(missing_ok=True)
                total -= size


def _append(file: BinaryIO, data: bytes) -> None:
    """Write ``data`` as a whole or, where that raises OSError, leave ``file`` as it was."""
    end = file.tell()
    rest = memoryview(data)
    try:
        while rest:
            # A disk that becomes full takes what still fits; only the next write says why.
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(end)
        raise
