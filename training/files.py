"""Files that appear under their name complete, or not at all."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from training.errors import TrainingError


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` in the place of what ``path`` held; a failure leaves that as it was.

    Raises :class:`TrainingError`.
    """
    draft = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        os.replace(draft, path)
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be written", source=str(path)) from None
    finally:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """:func:`write_whole` of ``value`` as JSON."""
    write_whole(path, (json.dumps(value, indent=1) + "\n").encode())


def read_json(path: Path) -> Any:
    """What the JSON file ``path`` holds. Raises :class:`TrainingError`."""
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
    except (ValueError, RecursionError):
        raise TrainingError("is not JSON", source=str(path)) from None
