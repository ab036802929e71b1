"""A folder that one command works in at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import TrainingError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold ``folder`` against other processes; the kernel lets go when this one ends.

    Raises :class:`TrainingError` if another one holds it, or it is no folder.
    """
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(folder)) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TrainingError("is in use by another command", source=str(folder)) from None
        yield
    finally:
        os.close(handle)
