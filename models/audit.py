"""What an audit says of a model, and how it is signed, verified and put into the manifest.

::

    the audit job                                  whoever loads the model
    Statement --sign(private key)--> SignedAudit --> manifest.json: audit
                                                   --verify(public key)--> Statement

A statement names the model by its hash and the manifest by its digest, and carries an Ed25519
signature (RFC 8032), so that neither a verdict nor what it was given for can be swapped by one
who can write the model's folder but does not hold the private key.
"""

import base64
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from models import manifest as manifests
from models.errors import ModelError
from models.files import read_bounded
from models.manifest import Manifest, Part, Sha256, Slug, first_problem
from models.repository import MANIFEST_FILE

#: The two files of :func:`new_key`.
PRIVATE_KEY_FILE = "audit.key"
PUBLIC_KEY_FILE = "audit.pub"

#: Goes before what is signed, so that the signature holds for nothing but an audit's statement.
_DOMAIN = b"anonynoise audit v1\n"
_MOST_KEY_BYTES = 1 << 16


def _in_utc(moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta(0):
        raise ValueError("is not in UTC")
    return moment.replace(tzinfo=UTC)


#: One printable line.
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
UtcTime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Percent = Annotated[float, Field(ge=0, le=100)]
Verdict = Literal["pass", "leak", "undecided"]
Suite = Literal["quick", "nightly", "full"]
#: The shortest first.
SUITES: tuple[Suite, ...] = get_args(Suite)
#: The first 16 hexadecimal digits of a raw public key's SHA-256.
KeyId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
#: Base64 of an Ed25519 signature's 64 bytes.
Signature = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]


class Worst(Part):
    """The attack that came nearest to a person, or went furthest beyond its limit; percent."""

    attack: Slug
    #: What it was scored by, e.g. ``top1``.
    metric: Slug
    value: Percent
    #: The interval's ends; the gate looks at ``high``.
    low: Percent
    high: Percent
    #: What guessing scores.
    chance: Percent
    #: The audit's own: ``high`` above it is a leak.
    limit: float = Field(ge=0)

    @model_validator(mode="after")
    def _interval(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self


class Statement(Part):
    """One audit's verdict on one model under one manifest."""

    schema_version: Literal[1]
    #: The manifest's ``name`` and ``sha256``, and :func:`manifest_digest` of the manifest.
    model: Slug
    model_sha256: Sha256
    manifest_sha256: Sha256
    verdict: Verdict
    reason: Line
    suite: Suite
    #: What the model was attacked on, e.g. ``simulated gestures, 29 people``.
    data: Line
    #: Whether no real person's recording was among it.
    synthetic: bool
    finished: UtcTime
    #: None where no attack came to an end.
    worst: Worst | None
    #: Of the report in JSON.
    report_sha256: Sha256

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.verdict == "pass":
            if self.worst is None:
                raise ValueError("pass, but no attack came to an end")
            if self.worst.high > self.worst.limit:
                raise ValueError("pass, but the worst attack's upper bound is above its limit")
        return self


class SignedAudit(Part):
    """A statement with the signature of whoever made it: a manifest's ``audit``."""

    statement: Statement
    key_id: KeyId
    signature: Signature


def _canonical(value: object) -> bytes:
    """One text for one value: sorted keys, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _signed_bytes(statement: Statement) -> bytes:
    return _DOMAIN + _canonical(statement.model_dump(mode="json"))


def manifest_digest(manifest: Manifest) -> str:
    """SHA-256 of everything that ``manifest`` says but its ``audit``, in hexadecimal."""
    # Through JSON: what lies in the file, where e.g. a number that is not finite is null.
    said = json.loads(manifest.model_dump_json(exclude={"audit"}))
    return hashlib.sha256(_canonical(said)).hexdigest()


def key_id(public_key: Ed25519PublicKey) -> str:
    """What a signed audit calls the key: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[:16]


def sign(statement: Statement, private_key: Ed25519PrivateKey) -> SignedAudit:
    """``statement`` with its signature."""
    signature = private_key.sign(_signed_bytes(statement))
    return SignedAudit(
        statement=statement,
        key_id=key_id(private_key.public_key()),
        signature=base64.b64encode(signature).decode(),
    )


def unverified(audit: JsonValue) -> SignedAudit:
    """A manifest's ``audit``, its form checked but not its signature.

    Raises :class:`ModelError` where it is missing or in another form.
    """
    if audit is None:
        raise ModelError("is missing", field="audit")
    try:
        # From JSON, where a time is a text.
        return SignedAudit.model_validate_json(_canonical(audit))
    except ValidationError as error:
        problem = first_problem(error)
        field = f"audit.{problem.field}" if problem.field else "audit"
        raise ModelError(f"cannot be read: {problem.problem}", field=field) from None


def _check_subject(statement: Statement, manifest: Manifest) -> None:
    if (statement.model, statement.model_sha256) != (manifest.name, manifest.sha256):
        raise ModelError("is of another model", field="audit")
    if statement.manifest_sha256 != manifest_digest(manifest):
        raise ModelError("is of another manifest", field="audit")


def verify(audit: JsonValue, manifest: Manifest, public_key: Ed25519PublicKey) -> Statement:
    """What ``audit`` says of ``manifest`` and its model, in the name of ``public_key``'s holder.

    Raises :class:`ModelError` where it is missing, unreadable, signed with another key or not
    at all, or says something of another model or manifest. It stops an audit that was made up,
    changed, or taken from another model; not one that was replaced by an earlier one of the same.
    """
    signed = unverified(audit)
    if signed.key_id != key_id(public_key):
        raise ModelError("was signed with another key", field="audit")
    try:
        public_key.verify(base64.b64decode(signed.signature), _signed_bytes(signed.statement))
    except InvalidSignature:
        raise ModelError("the signature does not fit", field="audit") from None
    _check_subject(signed.statement, manifest)
    return signed.statement


def unanswered_leak(
    manifest: Manifest, later: Statement, public_key: Ed25519PublicKey
) -> Statement | None:
    """The leak that ``manifest`` tells of and ``later`` is no answer to, None without one.

    It is answered by what a suite as long or longer decides: what one found is not gone because
    a shorter one did not look for it. A leak whose signature does not hold is none.
    """
    try:
        said = verify(manifest.audit, manifest, public_key)
    except ModelError:
        return None
    shorter = SUITES.index(later.suite) < SUITES.index(said.suite)
    return said if said.verdict == "leak" and (shorter or later.verdict == "undecided") else None


def publish(folder: Path, signed: SignedAudit) -> None:
    """Fill in the ``audit`` of the manifest in the model's ``folder``.

    A reader finds the old manifest or the new one, never a part. Raises :class:`ModelError` if
    what lies there is not what was audited, or cannot be written; then it is left as it was.
    Whether it may take the place of what is there: :func:`unanswered_leak`.
    """
    path = folder / MANIFEST_FILE
    manifest = manifests.read(path)
    try:
        _check_subject(signed.statement, manifest)
    except ModelError as error:
        raise ModelError(error.problem, source=str(path), field=error.field) from None
    filled = manifest.model_copy(update={"audit": signed.model_dump(mode="json")})
    draft = None
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        handle, draft = tempfile.mkstemp(prefix=f".{MANIFEST_FILE}.", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(filled.to_json().encode())
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(draft, path)
        draft = None
        # The new name is on the disk once its folder is.
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise ModelError(error.strerror or "cannot be written", source=str(path)) from None
    finally:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)


def new_key(folder: Path) -> Ed25519PublicKey:
    """Write a new pair of keys into ``folder``, PEM: ``audit.key`` (mode 0600) and ``audit.pub``.

    Raises :class:`ModelError` if either is there already, or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path = folder
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data, mode in (
            (PRIVATE_KEY_FILE, private, 0o600),
            (PUBLIC_KEY_FILE, public, 0o644),
        ):
            path = folder / name
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            written.append(path)
            with os.fdopen(handle, "wb") as file:
                # Whatever the umask: the service runs as another user, and reads the public one.
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        # Half a pair is of no use, and would stand in the way of the next.
        for half in written:
            half.unlink(missing_ok=True)
        problem = "exists already" if isinstance(error, FileExistsError) else error.strerror
        raise ModelError(problem or "cannot be written", source=str(path)) from None
    return key.public_key()


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """The private key in the PEM file ``path``, not encrypted. Raises :class:`ModelError`."""
    key = _read_key(path, lambda data: load_pem_private_key(data, password=None))
    if not isinstance(key, Ed25519PrivateKey):
        raise ModelError("is no private Ed25519 key in PEM", source=str(path))
    return key


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in the PEM file ``path``. Raises :class:`ModelError`."""
    key = _read_key(path, load_pem_public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise ModelError("is no public Ed25519 key in PEM", source=str(path))
    return key


def _read_key(path: Path, load: Callable[[bytes], object]) -> object:
    """What ``load`` makes of the file, None where it makes nothing of it."""
    data = read_bounded(path, _MOST_KEY_BYTES)
    try:
        return load(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
