"""What a person agrees to before a camera is opened, and the proof that they did."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from models.audit import Line, UtcTime
from models.manifest import Part, Sha256, read_as
from training.errors import TrainingError

#: Counted up with every change of the text.
VERSION = 3
#: The one answer that is consent.
ANSWER = "I CONSENT"

_TEXT = """\
CONSENT TO BE RECORDED BY AN EVENT CAMERA (version {version})

What is recorded. Raw events: every change of brightness that the camera in front of you sees.
They are not anonymized. From them you can be recognised, and pictures of you can be made.

What for. To attack the anonymizer with them. Programs learn to recognise you from these
recordings, and then try it through the anonymization. That shows whether it protects people.

Where and how. In one folder, encrypted (AES-256-GCM). Whoever runs this command holds the key
and can open it. Beside the recordings, encrypted as well: the name you were given here, what
you showed, the lighting, and this consent with its time. The name is the one that the operator
typed; it need not be your own.

How long. {retention}
What an audit has found out stays: its figures. The programs that it trained are deleted when
it is over.

Your choice. You need not agree. You can end a recording at any moment; what was recorded is
then thrown away unless you want to keep it. You can withdraw at any time: your recordings and
this consent are deleted, with the key to them, by
    anonynoise enrol withdraw FOLDER --subject NAME
Further recordings of you in the same folder are covered by this consent; before each one you
are told so.
"""
_DELETED = """\
Until an audit has come to a verdict; then it deletes them all, the key first.
An audit that cannot decide leaves them for the next one. If none decides, they stay
until you withdraw or the operator deletes them."""
_KEPT = """\
Audits do NOT delete the recordings and may use them again. They stay until you
withdraw or the operator deletes them."""


class Consent(Part):
    """Who agreed to which text is beside it: version and hash of the text, when, and how."""

    version: int
    text_sha256: Sha256
    given_at: UtcTime
    #: At the terminal, or in a file that the operator brought.
    how: Literal["typed", "file"]


class ConsentFile(Part):
    """A consent given elsewhere, on paper for instance, as JSON."""

    subject: Line
    text_sha256: Sha256
    answer: Literal["I CONSENT"]
    given_at: UtcTime


def consent_text(keep: bool) -> str:
    """What is shown. ``keep``: whether recordings outlive the audit."""
    return _TEXT.format(version=VERSION, retention=_KEPT if keep else _DELETED)


def text_sha256(keep: bool) -> str:
    """Hash of :func:`consent_text`, UTF-8."""
    return hashlib.sha256(consent_text(keep).encode()).hexdigest()


def typed(answer: str, keep: bool) -> Consent | None:
    """The consent that ``answer``, given now, is; None if it is none."""
    if answer.strip() != ANSWER:
        return None
    return Consent(
        version=VERSION, text_sha256=text_sha256(keep), given_at=datetime.now(UTC), how="typed"
    )


def filed(path: Path, subject: str, keep: bool) -> Consent:
    """The consent of ``subject`` in a :class:`ConsentFile`.

    Raises :class:`models.errors.ModelError` if it is unreadable, of somebody else, or to
    another text.
    """
    given = read_as(ConsentFile, path)
    source = str(path)
    if given.subject != subject:
        raise TrainingError("is the consent of somebody else", source=source, field="subject")
    if given.text_sha256 != text_sha256(keep):
        raise TrainingError(
            "is the consent to another text than `anonynoise enrol text` shows",
            source=source,
            field="text_sha256",
        )
    if given.given_at > datetime.now(UTC):
        raise TrainingError("lies in the future", source=source, field="given_at")
    return Consent(
        version=VERSION, text_sha256=given.text_sha256, given_at=given.given_at, how="file"
    )
