"""A helper process of a measurement: lines of JSON in and out, ended for certain."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from service.bench.result import BenchError

_ROOT = Path(__file__).parents[2]
_STOP_S = 15.0
_LAST_LINES = 5


def environment() -> dict[str, str]:
    """Our own, such that a child finds the same packages and no service settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ANONYNOISE_") or name == "ANONYNOISE_MODELS"
    }
    paths = [str(_ROOT), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {"PYTHONPATH": os.pathsep.join(paths)}


class Child:
    """``python -m MODULE ARGUMENTS`` with environment ``variables``, ended after a ``with``."""

    def __init__(
        self, module: str, *arguments: str, said_on: str = "stdout", **variables: str
    ) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if said_on == "stdout" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment() | variables,
            text=True,
        )
        self._said: queue.Queue[str | None] = queue.Queue()
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        streams = [self._process.stderr, self._process.stdout]
        self._readers = [
            threading.Thread(target=self._read, args=(stream, said_on == name), daemon=True)
            for name, stream in zip(("stderr", "stdout"), streams, strict=True)
            if stream
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, is_said: bool) -> None:
        for line in stream:
            if is_said:
                self._said.put(line.rstrip())
            self._last.append(line.rstrip())
        if is_said:
            self._said.put(None)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def line(self, timeout_s: float) -> str:
        """The next line it says. Raises :class:`BenchError` if there is none in time."""
        try:
            line = self._said.get(timeout=timeout_s)
        except queue.Empty:
            raise BenchError(f"{self._module} said nothing for {timeout_s:g} s") from None
        if line is None:
            self._process.wait(_STOP_S)
            reason = self._last[-1] if self._last else "it said nothing"
            raise BenchError(f"{self._module} ended: {reason}")
        return line

    def said(self) -> list[str]:
        """The lines that it has said by now and that nobody has read."""
        lines = []
        with suppress(queue.Empty):
            while (line := self._said.get_nowait()) is not None:
                lines.append(line)
        return lines

    def reply(self, timeout_s: float) -> dict[str, Any]:
        """The next line, which is JSON."""
        value: dict[str, Any] = json.loads(self.line(timeout_s))
        return value

    def tell(self, value: dict[str, Any]) -> None:
        """Send one line of JSON."""
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(value) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise BenchError(f"{self._module} ended") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                stream.close()
