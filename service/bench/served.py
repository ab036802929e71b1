"""The service in a process of its own, as ``anonynoise serve`` starts it."""

import json
import os
import time
from pathlib import Path
from typing import Any, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

from models.repository import BASELINE_MODEL
from service.bench.child import Child
from service.bench.result import BenchError

_START_S = 60.0
_POLL_S = 0.01
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Served:
    """A service on a free port of loopback, ready, reading ``ports`` as DV cameras 0, 1, ..."""

    def __init__(self, ports: list[int], *, log_level: str = "info") -> None:
        cameras = [f"--camera={n}=dv://127.0.0.1:{port}" for n, port in enumerate(ports)]
        arguments = ("serve", "--listen", "127.0.0.1:0", "--model", BASELINE_MODEL, *cameras)
        self._child = Child(
            "anonynoise", *arguments, said_on="stderr", ANONYNOISE_LOG_LEVEL=log_level
        )
        try:
            self.url = self._address()
            self._http = httpx.Client(base_url=self.url, timeout=_START_S)
            self._until(self._ready, "ready")
            self._until(lambda: all(map(self._connected, range(len(ports)))), "connected")
        except BaseException:
            self.__exit__()
            raise

    def _address(self) -> str:
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s:
            before, found, url = self._child.line(_START_S).partition("listening on ")
            # Log lines come before it, and could quote it.
            if found and not before:
                return url
        raise BenchError("the service did not say where it listens")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if hasattr(self, "_http"):
            self._http.close()
        self._child.__exit__()

    def _ready(self) -> bool:
        return self._http.get("/health/ready").status_code == 200

    def _get(self, path: str) -> httpx.Response:
        try:
            return self._http.get(path).raise_for_status()
        except httpx.HTTPError as error:
            raise BenchError(f"the service did not answer: {type(error).__name__}") from None

    def _connected(self, number: int) -> bool:
        return self.camera(number)["state"] in ("quiet", "streaming")

    def _until(self, wanted: Any, state: str) -> None:
        deadline_s = time.monotonic() + _START_S
        while not wanted():
            if time.monotonic() > deadline_s:
                raise BenchError(f"the service was not {state} within {_START_S:g} s")
            time.sleep(_POLL_S)

    def camera(self, number: int) -> dict[str, Any]:
        """What the service says of a camera."""
        status: dict[str, Any] = self._get(f"/v1/cameras/{number}").json()
        return status

    def until_counted(self, number: int, events: int, patience_s: float) -> int:
        """Wait until a camera's events are counted, or no more come; when that was, in ns."""
        seen, seen_ns = -1, time.monotonic_ns()
        while seen < events and time.monotonic_ns() - seen_ns < patience_s * 1e9:
            now = self.camera(number)["events"]
            if now != seen:
                seen, seen_ns = now, time.monotonic_ns()
            time.sleep(_POLL_S)
        return seen_ns

    def inference(self) -> tuple[float, int]:
        """Seconds spent in inference so far, counted once a window, and windows."""
        samples = {
            sample.name: sample.value
            for family in text_string_to_metric_families(self._get("/metrics").text)
            if family.name == "anonynoise_inference_seconds"
            for sample in family.samples
        }
        count = samples["anonynoise_inference_seconds_count"]
        return samples["anonynoise_inference_seconds_sum"], int(count)

    def logged_inference_s(self) -> dict[tuple[int, int], float]:
        """By camera and ``seq``, what the windows logged since the last call took in inference.

        Only a service that logs at level ``debug`` tells.
        """
        entries = (json.loads(line) for line in self._child.said() if line.startswith("{"))
        return {
            (int(entry["camera"]), entry["seq"]): entry["inference_s"]
            for entry in entries
            if entry["message"] == "window published"
        }

    def cpu_s(self) -> float:
        """Processor time of all its threads so far: what a busy machine does not stretch.

        Source: proc(5), stat, fields utime and stime.
        """
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def rss_bytes(self) -> int:
        """Memory of the process that lies in RAM. Source: proc(5), statm."""
        return int(self._proc("statm").split()[1]) * _PAGE_BYTES

    def _proc(self, name: str) -> str:
        try:
            return Path(f"/proc/{self._child.pid}/{name}").read_text()
        except OSError as error:
            raise BenchError(f"/proc of the service: {error.strerror}") from None
