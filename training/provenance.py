"""Which code made a result."""

import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def commit() -> str | None:
    """The commit this code is at, ``-dirty`` behind it if a file differs; None outside git."""
    try:
        head = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}-dirty" if changed else head


def _git(*arguments: str) -> str:
    ran = subprocess.run(
        ["git", "-C", str(_ROOT), *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return ran.stdout.strip()
