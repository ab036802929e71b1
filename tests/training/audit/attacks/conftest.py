"""What attacks on the same made-up people share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of trained attackers: what one test trained the next one finds."""
    return tmp_path_factory.mktemp("audit")
