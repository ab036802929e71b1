"""Reading a model's files, never more of them than was agreed."""

from pathlib import Path

from models.errors import ModelError


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """The whole of ``path``, read once.

    Raises :class:`ModelError` if it is missing, no regular file (a FIFO would block),
    unreadable, or longer than ``most_bytes``.
    """
    source = str(path)
    try:
        if not path.is_file():
            raise ModelError("is no file" if path.exists() else "does not exist", source=source)
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            getattr(error, "strerror", None) or "cannot be read", source=source
        ) from None
    if len(data) > most_bytes:
        raise ModelError(f"is larger than {most_bytes} bytes", source=source)
    return data
