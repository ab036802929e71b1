"""The audit that was begun and is not over: what a later call goes on with."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from models.audit import Suite, UtcTime, manifest_digest
from models.manifest import Manifest, Part
from training.errors import TrainingError
from training.files import write_json
from training.lock import locked

_FILE = "state.json"


class UnderWay(Part):
    """``WORK/state.json``."""

    suite: Suite
    #: What all of its work depends on, see :mod:`training.audit.work`.
    key: str
    #: Of the first attacker; the others count on.
    seed: int
    started: UtcTime
    #: Seconds of work of the calls before this one.
    spent_s: float = 0.0
    #: Windows that the model was given in those calls, and those of them that it dropped.
    asked: int = 0
    dropped: int = 0

    def after(self, spent_s: float, asked: int, dropped: int) -> "UnderWay":
        """The same after so many seconds in all, and so many more windows in this call."""
        more = {
            "spent_s": round(spent_s, 1),
            "asked": self.asked + asked,
            "dropped": self.dropped + dropped,
        }
        return self.model_copy(update=more)

    def keep(self, work: Path) -> None:
        """Let a later call find it. Raises :class:`TrainingError`."""
        write_json(work / _FILE, self.model_dump(mode="json"))


def resumed(work: Path, suite: Suite, key: str, seed: int | None) -> UnderWay:
    """The audit under way in ``work``, or a new one if there is none of that ``key``.

    ``seed`` None takes any that was begun, and otherwise draws one, so that no two nights'
    attackers are the same. Raises :class:`TrainingError`.
    """
    try:
        found = UnderWay.model_validate_json((work / _FILE).read_bytes())
        if found.key == key and seed in (None, found.seed):
            return found
    except (OSError, ValidationError):
        # None, or one that nobody can go on with.
        pass
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    begun = UnderWay(suite=suite, key=key, seed=seed, started=datetime.now(UTC))
    begun.keep(work)
    return begun


def over(work: Path) -> None:
    """The next audit in ``work`` is another one; networks and findings stay."""
    (work / _FILE).unlink(missing_ok=True)


def own_folder(work: Path, manifest: Manifest, suite: Suite) -> Path:
    """Where in ``work`` the audits of one model by one suite are, and nothing else is."""
    return work / f"audit-{suite}-{manifest_digest(manifest)[:12]}"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold ``folder``, made if need be, against other audits. Raises :class:`TrainingError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be made", source=str(folder)) from None
    with locked(folder):
        yield


def remove(own: Path) -> None:
    """Delete an :func:`own_folder`: no later audit takes what this one found for its own.

    Raises :class:`TrainingError`.
    """
    try:
        shutil.rmtree(own)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be deleted", source=str(own)) from None
