"""Files that only their owner may read."""

import os
from pathlib import Path
from typing import BinaryIO


def create(path: Path) -> BinaryIO:
    """An empty file of mode 0600, open for writing. Raises OSError, also if ``path`` is there."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def write(path: Path, data: bytes) -> None:
    """:func:`create` ``path`` with ``data``, on the disk on return. Raises OSError."""
    with create(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
