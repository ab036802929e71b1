"""Real recordings that lie beside a checkout and are never part of it."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(path: str) -> Path:
    """``path`` below the shared data; skips the calling test, saying so, where it is not there."""
    found = SHARED_DATA / path
    if not found.exists():
        pytest.skip(f"shared data not there: {path}")
    return found
