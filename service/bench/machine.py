"""What a measurement was made on, so that it can be made again."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("numpy", "numba", "lz4", "zstandard", "cryptography", "uvloop", "websockets")
_GIT_S = 10.0


def describe() -> dict[str, Any]:
    """Processor, cores that we may use, kernel, Python and the packages that matter."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_average": os.getloadavg()[0],
        "packages": {name: _version(name) for name in _PACKAGES} | _onnxruntime(),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def stolen_s() -> float:
    """Seconds of all cores since the start that the host gave to other machines instead.

    A core is then late, whatever it does. 0 where the system does not tell.
    """
    try:
        # proc(5): cpu user nice system idle iowait irq softirq steal ...
        of_all = Path("/proc/stat").read_text().split("\n", 1)[0].split()
        return int(of_all[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return 0.0


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _onnxruntime() -> dict[str, str | None]:
    """Whichever of the two packages is installed."""
    found = {name: _version(name) for name in ("onnxruntime-gpu", "onnxruntime")}
    return {name: number for name, number in found.items() if number} or {"onnxruntime": None}


def commit() -> str | None:
    """The commit that is checked out, ``-dirty`` if files differ; None where nobody knows."""
    if not (_ROOT / ".git").exists():
        return None
    try:
        # Another program may be using the repository: take no lock of its.
        said = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(_ROOT), "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            timeout=_GIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip() or None
