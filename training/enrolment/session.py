"""A session folder: the people who consented, their recordings, and the keys to them.

::

    OUT/session.json            format, keep, salt, and the session's key, encrypted with the
                                operator's key file or passphrase
    OUT/PERSON/key              the person's key, encrypted with the session's
    OUT/PERSON/person           name, split and consent, encrypted with the person's key
    OUT/PERSON/ID.events        a recording, label and lighting inside, likewise
    OUT/.draft-ID/              what is being recorded; nobody can open it

PERSON and ID are random: outside the encryption there is nobody's name, label or lighting. There
is no index beside the recordings, each says what it shows, so that none can be out of date. What
everybody can see is how many people and recordings there are, how large, and when they were made.

Deleting the key makes what it opens unreadable, wherever a disk may still have copies of the
encrypted blocks; so keys go first. What is *not* found is a recording or a person that is
missing: whoever can write the folder can delete from it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import StringConstraints

from events.packet import Packet
from models.audit import Line
from models.errors import ModelError
from models.files import read_bounded
from models.manifest import Part, read_as
from training.datasets.window_set import Split
from training.enrolment import private_file
from training.enrolment.consent import Consent
from training.enrolment.recording import About, about, packets
from training.enrolment.sealed import KEY_BYTES, Sealer, seal, unseal, unsealed
from training.enrolment.secret import SALT_BYTES, KeyFile, Passphrase, Secret
from training.enrolment.session_folder import (
    DRAFT,
    EVENTS,
    KEY,
    RECORD,
    SESSION,
    check_deletable,
    delete,
    in_use,
    new_id,
    people,
    recordings,
    remove_person,
    sync,
)
from training.errors import TrainingError

_MOST_BYTES = 1 << 16

_Hex = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$", max_length=1024)]


class SessionFile(Part):
    """``session.json``: all that stands outside the encryption."""

    format: Literal[1]
    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    #: Whether recordings outlive the audit, as people were told.
    keep: bool
    #: Of the passphrase; None where a key file opens the session.
    salt: _Hex | None
    key: _Hex

    @property
    def name(self) -> str:
        """What the session's key is bound to: ``keep`` cannot be changed by another hand."""
        return f"session {self.id} keep {self.keep}"


class PersonRecord(Part):
    """Who a person is."""

    subject: Line
    split: Split
    consent: Consent


@dataclass(frozen=True)
class Person:
    """One person of a session; ``folder`` has a random name."""

    folder: Path
    record: PersonRecord
    key: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """16 hexadecimal digits that say nothing of the person."""
        return self.folder.name

    def recordings(self) -> list["Recording"]:
        """Those there are, in the order of their making. Raises :class:`TrainingError`."""
        found = [Recording(path, self) for path in recordings(self.folder)]
        return sorted(found, key=lambda one: (one.about().recorded_at, one.path))


@dataclass(frozen=True)
class Recording:
    """One recording. It is decrypted in memory, a piece at a time."""

    path: Path
    person: Person

    @property
    def name(self) -> str:
        """What its key is bound to."""
        return f"{self.person.id} {self.path.stem}"

    @contextmanager
    def _pieces(self) -> Iterator[Iterator[bytes]]:
        source = str(self.path)
        try:
            with self.path.open("rb") as file:
                yield unsealed(file, self.person.key, self.name, source)
        except OSError as error:
            raise TrainingError(error.strerror or "cannot be read", source=source) from None

    def about(self) -> About:
        """What it shows. Only the beginning of the file is read.

        Raises :class:`TrainingError`.
        """
        with self._pieces() as pieces:
            return about(pieces, str(self.path))[0]

    def packets(self) -> Iterator[Packet]:
        """All events, in packets of their own memory; authentic once the iterator ends.

        Raises :class:`TrainingError` where the file was changed or cut off.
        """
        with self._pieces() as pieces:
            yield from packets(pieces, str(self.path))


class Session:
    """An open session. ``root`` is its folder."""

    def __init__(self, root: Path, file: SessionFile, key: bytes) -> None:
        self.root = root
        #: Whether recordings outlive the audit.
        self.keep = file.keep
        self._file = file
        self._key = key

    @classmethod
    def open(cls, root: Path, secret: Secret) -> "Session":
        """The session in ``root``. Raises :class:`ModelError` if ``secret`` does not open it."""
        path = root / SESSION
        file = read_as(SessionFile, path)
        match secret, file.salt:
            case Passphrase(), str(salt):
                outer = secret.derive(bytes.fromhex(salt))
            case KeyFile(), None:
                outer = secret.read()
            case _:
                wanted = "a key file" if file.salt is None else "a passphrase"
                raise TrainingError(f"is opened by {wanted}", source=str(path))
        key = unseal(bytes.fromhex(file.key), outer, file.name, str(path))
        return cls(root, file, key)

    @classmethod
    def new(cls, root: Path, secret: Secret, keep: bool) -> tuple["Session", Callable[[], None]]:
        """A session that is not on disk yet, and what puts it there.

        A key file that is not there yet is made then, too. Raises :class:`ModelError`.
        """
        new_key = salt = None
        if isinstance(secret, Passphrase):
            secret.check()
            salt = os.urandom(SALT_BYTES)
            outer = secret.derive(salt)
        elif secret.path.exists():
            outer = secret.read()
        else:
            if not os.access(secret.path.parent, os.W_OK):
                raise TrainingError("cannot be made there", source=str(secret.path))
            outer = new_key = os.urandom(KEY_BYTES)
        bare = SessionFile(
            format=1, id=new_id(), keep=keep, salt=salt.hex() if salt else None, key="00"
        )
        key = os.urandom(KEY_BYTES)
        file = bare.model_copy(update={"key": seal(key, outer, bare.name).hex()})

        def write() -> None:
            if new_key is not None and isinstance(secret, KeyFile):
                secret.write(new_key)
            draft = root / f"{DRAFT}{file.id}"
            private_file.write(draft, file.model_dump_json(indent=1).encode() + b"\n")
            draft.rename(root / SESSION)
            sync(root)

        return cls(root, file, key), write

    def people(self) -> list[Person]:
        """Everyone there is, by name. Raises :class:`ModelError` for damage."""
        found = [self._person(folder) for folder in people(self.root)]
        return sorted(found, key=lambda person: (person.record.subject, person.id))

    def person(self, subject: str) -> Person | None:
        """Who is called ``subject``, whatever may be wrong with others.

        Raises :class:`ModelError` if nobody is and somebody's record cannot be read.
        """
        damage = None
        for folder in people(self.root):
            try:
                person = self._person(folder)
            except ModelError as error:
                damage = error
                continue
            if person.record.subject == subject:
                return person
        if damage:
            raise damage
        return None

    def _person(self, folder: Path) -> Person:
        sealed = read_bounded(folder / KEY, _MOST_BYTES)
        key = unseal(sealed, self._key, self._key_name(folder.name), str(folder / KEY))
        path = folder / RECORD
        record = unseal(read_bounded(path, _MOST_BYTES), key, folder.name, str(path))
        return Person(folder, PersonRecord.model_validate_json(record), key)

    def _key_name(self, person: str) -> str:
        return f"{self._file.id} {person}"

    def new_person(self, record: PersonRecord) -> Person:
        """A person who is not on disk yet."""
        return Person(self.root / new_id(), record, os.urandom(KEY_BYTES))

    def commit(self, person: Person, draft: Path, sealer: Sealer) -> Recording:
        """Put what ``sealer`` wrote into ``draft / "events"`` under its name: ``person``'s.

        A person who is new appears with the first recording, or not at all.
        Raises :class:`TrainingError`.
        """
        recording = Recording(person.folder / f"{new_id()}{EVENTS}", person)
        sealer.finish(person.key, recording.name)
        try:
            sync(draft / "events")
            if person.folder.exists():
                (draft / "events").rename(recording.path)
            else:
                (draft / "events").rename(draft / recording.path.name)
                name = self._key_name(person.id)
                private_file.write(draft / KEY, seal(person.key, self._key, name))
                text = person.record.model_dump_json().encode()
                private_file.write(draft / RECORD, seal(text, person.key, person.id))
                sync(draft)
                draft.rename(person.folder)
            sync(person.folder)
            sync(self.root)
        except OSError as error:
            raise TrainingError(error.strerror or "cannot be written", source=str(draft)) from None
        return recording

    def withdraw(self, person: Person) -> None:
        """Delete a person's key, then recordings and consent. Raises :class:`TrainingError`."""
        with in_use(self.root):
            remove_person(person.folder)
            sync(self.root)


def check_deletable_after_use(session: Session) -> None:
    """Raises :class:`TrainingError` where :func:`delete_after_use` could not delete."""
    if not session.keep:
        check_deletable(session.root)


def delete_after_use(session: Session) -> bool:
    """What an audit calls when it has used the recordings; whether they are gone now.

    They stay if people were told that they would. Raises :class:`TrainingError`.
    """
    if not session.keep:
        delete(session.root)
    return not session.keep
