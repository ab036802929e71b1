"""What lies where in a session folder, who works in it, and how it is cleared.

The names are those of :mod:`training.enrolment.session`. A key goes before what it opens.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from training.errors import TrainingError
from training.lock import locked

SESSION = "session.json"
KEY = "key"
RECORD = "person"
EVENTS = ".events"
DRAFT = ".draft-"
_ID = re.compile(r"[0-9a-f]{16}")


@contextmanager
def workplace(root: Path) -> Iterator[Path]:
    """A draft folder in ``root`` for one recording, gone afterwards, as is all that was killed.

    ``root`` is made if its parent is there, and removed again if nothing came into it. Raises
    :class:`TrainingError` if another recording is at work there, or if it holds other files.
    """
    made = False
    try:
        if not root.exists():
            root.mkdir(mode=0o700)
            made = True
        with in_use(root):
            for path in root.glob(f"{DRAFT}*"):
                _remove(path)
            for folder in _people(root):
                if not _has_key(folder):
                    remove_person(folder)
            if not (root / SESSION).exists() and any(root.iterdir()):
                raise TrainingError("is no enrolment and not an empty folder", source=str(root))
            draft = root / f"{DRAFT}{new_id()}"
            draft.mkdir(mode=0o700)
            try:
                yield draft
            finally:
                _remove(draft)
    except OSError as error:
        problem = error.strerror or "cannot be written"
        raise TrainingError(problem, source=str(error.filename or root)) from None
    finally:
        if made:
            with suppress(OSError):
                root.rmdir()


def delete(root: Path) -> None:
    """Delete a session: its key, then people's keys, then everything. Needs no key.

    Goes on where it was killed. Files that are no enrolment's stay. Raises
    :class:`TrainingError` if ``root`` is no session, or in use.
    """
    with in_use(root):
        session, people = root / SESSION, _people(root)
        drafts = list(root.glob(f"{DRAFT}*"))
        if not (session.is_file() or people or drafts):
            raise TrainingError("is no enrolment", source=str(root))
        session.unlink(missing_ok=True)
        sync(root)
        for folder in people:
            (folder / KEY).unlink(missing_ok=True)
        for folder in people:
            remove_person(folder)
        for path in drafts:
            _remove(path)
        sync(root)
    with suppress(OSError):
        root.rmdir()


@contextmanager
def in_use(root: Path) -> Iterator[None]:
    """:func:`locked` ``root``; whatever cannot be read or written inside is a TrainingError."""
    with locked(root):
        try:
            yield
        except OSError as error:
            problem = error.strerror or "cannot be written"
            raise TrainingError(problem, source=str(error.filename or root)) from None


def check_deletable(root: Path) -> None:
    """Raises :class:`TrainingError` where :func:`delete` could not, as on a read-only mount."""
    for folder in (root, *people(root)):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise TrainingError("is to be deleted after its use, and cannot be", source=str(folder))


def new_id() -> str:
    """16 hexadecimal digits that say nothing of what they name."""
    return secrets.token_hex(8)


def people(root: Path) -> list[Path]:
    """Folders of the people who are there. Raises :class:`TrainingError`."""
    return [folder for folder in _people(root) if _has_key(folder)]


def recordings(person: Path) -> list[Path]:
    """Files of a person's recordings. Raises :class:`TrainingError`."""
    return [path for path in _listed(person) if path.suffix == EVENTS and _ID.fullmatch(path.stem)]


def _people(root: Path) -> list[Path]:
    """Folders of people; a link to elsewhere is none."""
    return [
        path
        for path in _listed(root)
        if _ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    ]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(folder)) from None


def _has_key(folder: Path) -> bool:
    """Whether a person is still there: a deletion that was killed took the key first."""
    return (folder / KEY).exists()


def remove_person(folder: Path) -> None:
    """The key, the record, the recordings."""
    (folder / KEY).unlink(missing_ok=True)
    sync(folder)
    (folder / RECORD).unlink(missing_ok=True)
    for path in recordings(folder):
        path.unlink()
    with suppress(OSError):
        folder.rmdir()


def _remove(draft: Path) -> None:
    if draft.is_dir() and not draft.is_symlink():
        shutil.rmtree(draft)
    else:
        draft.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """What is in ``path``, a folder's names for instance, is on the disk afterwards."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
