import base64
import errno
import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models import manifest as manifests
from models.audit import (
    SignedAudit,
    key_id,
    manifest_digest,
    new_key,
    publish,
    read_private_key,
    read_public_key,
    sign,
    unanswered_leak,
    unverified,
    verify,
)
from models.audit_key import command
from models.errors import ModelError
from models.manifest import Manifest
from models.repository import Repository, save
from tests.models.audits import KEY, OTHER_KEY, leak, statement
from tests.models.onnx_models import manifest_fields, noisy

PUBLIC = KEY.public_key()
MANIFEST = Manifest.model_validate(manifest_fields())


def as_json(signed: SignedAudit) -> Any:
    return json.loads(json.dumps(signed.model_dump(mode="json")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the model ``sample``, not audited."""
    save(noisy(trained_on={"share": 0.1, "people": 29}), tmp_path / "sample")
    return tmp_path / "sample"


# -- what a statement may say


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"verdict": "maybe"}, "verdict"),
        ({"suite": "weekly"}, "suite"),
        ({"model": "../up"}, "model"),
        ({"reason": "two\nlines"}, "reason"),
        ({"reason": ""}, "reason"),
        ({"data": "x" * 201}, "data"),
        ({"report_sha256": "5" * 63}, "report_sha256"),
        ({"finished": datetime(2026, 1, 1)}, "finished"),
        ({"finished": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))}, "UTC"),
        ({"worst": None}, "no attack came to an end"),
        ({"worst": {"high": 31.0}}, "above its limit"),
        ({"worst": {"low": 23.0}}, "low is above high"),
        ({"worst": {"high": float("nan")}}, "high"),
        ({"worst": {"chance": 101.0}}, "chance"),
        ({"worst": {"attack": "two words"}}, "attack"),
        ({"more": 1}, "more"),
    ],
)
def test_a_statement_that_makes_no_sense_cannot_be_made(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        statement(MANIFEST, **changes)


def test_an_undecided_audit_needs_no_worst_attack_and_a_leak_may_be_over_its_limit() -> None:
    assert statement(MANIFEST, verdict="undecided", worst=None).worst is None
    assert leak(MANIFEST).worst is not None


# -- signatures


def test_what_was_signed_is_what_is_verified() -> None:
    said = statement(MANIFEST)
    signed = sign(said, KEY)
    assert verify(as_json(signed), MANIFEST, PUBLIC) == said
    assert signed.key_id == key_id(PUBLIC)
    assert unverified(as_json(signed)) == signed


def test_a_signature_holds_for_ever() -> None:
    """A changed encoding would turn every audit that was ever published into a forgery."""
    said = statement(MANIFEST, finished=datetime(2026, 11, 21, 2, 30, tzinfo=UTC))
    signed = sign(said, KEY)
    assert signed.key_id == "56475aa75463474c"
    assert signed.signature == (
        "JGfwdR3chmaaaZ9YFTNB4ln/MlzKaeQoPBtCxisRIKNwW3GbKh+p3Mt164eMZMO1fQYyQnCR0EZkQo+jALSmDA=="
    )


def test_an_audit_that_is_not_there_or_not_readable() -> None:
    with pytest.raises(ModelError, match="audit: is missing"):
        verify(None, MANIFEST, PUBLIC)
    signed = as_json(sign(statement(MANIFEST), KEY))
    for audit, says in (
        ({}, "audit.statement: cannot be read: Field required"),
        ("pass", "audit: cannot be read"),
        ({"verdict": "pass", "map": 0.2}, "audit.statement: cannot be read"),
        (signed["statement"], "audit.statement: cannot be read"),
        (signed | {"signature": ""}, "audit.signature: cannot be read"),
        (signed | {"signature": "A" * 88}, "audit.signature: cannot be read"),
        (signed | {"key_id": "x"}, "audit.key_id: cannot be read"),
        ({"statement": signed["statement"]}, "audit.key_id: cannot be read"),
    ):
        with pytest.raises(ModelError) as error:
            verify(audit, MANIFEST, PUBLIC)
        assert str(error.value).startswith(says)
        assert "\n" not in str(error.value)


def test_another_key_is_told_and_its_name_alone_is_not_enough() -> None:
    signed = sign(statement(MANIFEST), OTHER_KEY)
    with pytest.raises(ModelError, match="audit: was signed with another key"):
        verify(as_json(signed), MANIFEST, PUBLIC)
    renamed = signed.model_copy(update={"key_id": key_id(PUBLIC)})
    with pytest.raises(ModelError, match="audit: the signature does not fit"):
        verify(as_json(renamed), MANIFEST, PUBLIC)


def test_a_signature_over_the_bare_statement_is_none() -> None:
    """Whatever else the key may sign one day must not be taken for an audit."""
    signed = sign(statement(MANIFEST), KEY)
    text = json.dumps(
        signed.statement.model_dump(mode="json"), sort_keys=True, separators=(",", ":")
    )
    bare = base64.b64encode(KEY.sign(text.encode())).decode()
    with pytest.raises(ModelError, match="does not fit"):
        verify(as_json(signed.model_copy(update={"signature": bare})), MANIFEST, PUBLIC)


CHANGES: dict[str, Any] = {
    "model": "other",
    "model_sha256": "1" * 64,
    "manifest_sha256": "1" * 64,
    "verdict": "undecided",
    "reason": "because",
    "suite": "full",
    "data": "real people",
    "synthetic": False,
    "finished": "2030-01-01T00:00:00Z",
    "report_sha256": "1" * 64,
    **{f"worst.{name}": 65.0 for name in ("value", "low", "high", "chance", "limit")},
    "worst.attack": "static",
    "worst.metric": "top5",
}


@pytest.mark.parametrize("field", CHANGES)
def test_no_field_can_be_changed_under_a_signature(field: str) -> None:
    said = leak(MANIFEST)
    signed = as_json(sign(said, KEY))
    part = signed["statement"]
    *parents, last = field.split(".")
    for parent in parents:
        part = part[parent]
    part[last] = CHANGES[field]
    with pytest.raises(ModelError, match="does not fit"):
        verify(signed, MANIFEST, PUBLIC)


@settings(max_examples=20)
@given(st.integers(0, 511))
def test_no_bit_of_a_signature_can_be_changed(bit: int) -> None:
    signed = sign(statement(MANIFEST), KEY)
    raw = bytearray(base64.b64decode(signed.signature))
    raw[bit // 8] ^= 1 << bit % 8
    other = signed.model_copy(update={"signature": base64.b64encode(raw).decode()})
    with pytest.raises(ModelError, match="does not fit"):
        verify(as_json(other), MANIFEST, PUBLIC)


def test_an_audit_of_another_model_or_manifest_is_refused() -> None:
    """A verdict cannot be moved to a model that would not have got it."""
    signed = as_json(sign(statement(MANIFEST), KEY))
    for changes, says in (
        ({"sha256": "1" * 64}, "of another model"),
        ({"name": "other"}, "of another model"),
        ({"version": "1.0.1"}, "of another manifest"),
        ({"description": "safe"}, "of another manifest"),
        ({"noise": {"scale": 0.5}}, "of another manifest"),
        ({"self_test": {"max_unchanged": 0.9}}, "of another manifest"),
        ({"representation": {"window_us": 1000}}, "of another manifest"),
        ({"metrics": {"top1": 1}}, "of another manifest"),
    ):
        other = Manifest.model_validate(manifest_fields(**changes))
        with pytest.raises(ModelError, match=says):
            verify(signed, other, PUBLIC)
    audited = MANIFEST.model_copy(update={"audit": signed})
    assert verify(signed, audited, PUBLIC).model == "sample"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@settings(max_examples=20)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), JSON))
def test_a_digest_survives_the_file(metrics: dict[str, Any]) -> None:
    manifest = Manifest.model_validate(manifest_fields(metrics=metrics))
    assert manifest_digest(Manifest.model_validate_json(manifest.to_json())) == manifest_digest(
        manifest
    )


# -- publishing


def test_published_is_found_by_whoever_loads_the_model(folder: Path) -> None:
    (folder / "manifest.json").chmod(0o640)
    before = manifests.read(folder / "manifest.json")
    signed = sign(statement(before), KEY)
    publish(folder, signed)
    manifest = Repository().load(folder).manifest
    assert verify(manifest.audit, manifest, PUBLIC) == signed.statement
    assert manifest.model_copy(update={"audit": None}) == before
    assert stat.S_IMODE((folder / "manifest.json").stat().st_mode) == 0o640
    # The next night's takes its place.
    later = sign(leak(manifest), KEY)
    publish(folder, later)
    assert unverified(manifests.read(folder / "manifest.json").audit) == later
    assert sorted(os.listdir(folder)) == ["manifest.json", "model.onnx"]


@pytest.mark.parametrize("change", [{"version": "9"}, {"name": "other"}, {"sha256": "1" * 64}])
def test_another_manifest_than_was_audited_is_not_filled_in(
    folder: Path, change: dict[str, str]
) -> None:
    path = folder / "manifest.json"
    signed = sign(statement(manifests.read(path)), KEY)
    text = json.dumps(json.loads(path.read_text()) | change)
    path.write_text(text)
    with pytest.raises(ModelError, match=r"sample/manifest\.json: audit: is of another"):
        publish(folder, signed)
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("found", "later", "verdict", "answered"),
    [
        ("full", "nightly", "pass", False),
        ("nightly", "quick", "pass", False),
        # Or a quick leak would be put in its place, and be answered by a quick pass.
        ("full", "quick", "leak", False),
        ("quick", "full", "undecided", False),
        ("nightly", "nightly", "undecided", False),
        ("nightly", "nightly", "pass", True),
        ("quick", "nightly", "pass", True),
        ("nightly", "full", "leak", True),
    ],
)
def test_a_leak_stands_until_a_suite_as_long_decides(
    found: str, later: str, verdict: str, answered: bool
) -> None:
    stands = leak(MANIFEST, suite=found)
    manifest = MANIFEST.model_copy(update={"audit": as_json(sign(stands, KEY))})
    said = statement(MANIFEST, suite=later, verdict=verdict)
    assert unanswered_leak(manifest, said, PUBLIC) == (None if answered else stands)


@pytest.mark.parametrize("later", ["pass", "leak", "undecided"])
@pytest.mark.parametrize(
    "audit",
    [
        None,
        as_json(sign(statement(MANIFEST, suite="full"), KEY)),
        as_json(sign(statement(MANIFEST, suite="full", verdict="undecided"), KEY)),
        as_json(sign(leak(MANIFEST, suite="full"), OTHER_KEY)),
    ],
    ids=["none", "pass", "undecided", "another key's leak"],
)
def test_nothing_but_a_leak_stands(audit: Any, later: str) -> None:
    manifest = MANIFEST.model_copy(update={"audit": audit})
    said = statement(MANIFEST, suite="quick", verdict=later)
    assert unanswered_leak(manifest, said, PUBLIC) is None


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none/manifest\.json: does not exist"):
        publish(tmp_path / "none", sign(statement(MANIFEST), KEY))


def failing(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["fsync", "replace", "fchmod"])
def test_a_disk_that_fails_leaves_the_manifest_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = folder / "manifest.json"
    before = path.read_bytes()
    signed = sign(statement(manifests.read(path)), KEY)
    monkeypatch.setattr(os, step, failing)
    with pytest.raises(ModelError, match=r"sample/manifest\.json: No space left on device"):
        publish(folder, signed)
    assert path.read_bytes() == before
    assert sorted(os.listdir(folder)) == ["manifest.json", "model.onnx"]


def test_it_is_on_the_disk_before_it_has_the_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def noted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            done.append(name)
            return real(*arguments)

        return step

    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, noted(name, getattr(os, name)))
    publish(folder, sign(statement(manifests.read(folder / "manifest.json")), KEY))
    assert done == ["fsync", "replace", "fsync"]


# -- keys


def test_a_new_pair_fits_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    public = new_key(tmp_path / "keys")
    path = tmp_path / "keys"
    assert stat.S_IMODE((path / "audit.key").stat().st_mode) == 0o600
    assert read_public_key(path / "audit.pub") == public
    signed = sign(statement(MANIFEST), read_private_key(path / "audit.key"))
    assert verify(as_json(signed), MANIFEST, public)
    assert b"PRIVATE" not in (path / "audit.pub").read_bytes()


@pytest.mark.parametrize("there", ["audit.key", "audit.pub"])
def test_a_key_is_never_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    with pytest.raises(ModelError, match=rf"{there}: exists already"):
        new_key(tmp_path)
    assert os.listdir(tmp_path) == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_what_is_no_such_key_is_told_in_one_line(tmp_path: Path) -> None:
    elliptic = generate_private_key(SECP256R1())
    pem = (Encoding.PEM, PrivateFormat.PKCS8)
    contents = {
        "empty": b"",
        "garbage": b"-----BEGIN PRIVATE KEY-----\n?\n-----END PRIVATE KEY-----\n",
        "other": elliptic.private_bytes(*pem, NoEncryption()),
        "locked": KEY.private_bytes(*pem, BestAvailableEncryption(b"x")),
        "public": PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ModelError, match=f"{name}: is no private Ed25519 key in PEM"):
            read_private_key(tmp_path / name)
    (tmp_path / "private").write_bytes(KEY.private_bytes(*pem, NoEncryption()))
    for name in ("empty", "garbage", "other", "private"):
        with pytest.raises(ModelError, match=f"{name}: is no public Ed25519 key in PEM"):
            read_public_key(tmp_path / name)
    with pytest.raises(ModelError, match="none: does not exist"):
        read_public_key(tmp_path / "none")
    (tmp_path / "huge").write_bytes(b"x" * (1 << 17))
    with pytest.raises(ModelError, match="huge: is larger"):
        read_private_key(tmp_path / "huge")


def test_every_pair_is_another(tmp_path: Path) -> None:
    assert new_key(tmp_path / "a") != new_key(tmp_path / "b")


def test_the_command_makes_keys_and_says_so_once(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, [str(tmp_path / "keys")])
    assert done.exit_code == 0
    public = read_public_key(tmp_path / "keys" / "audit.pub")
    assert key_id(public) in done.stdout
    assert "PRIVATE" not in done.output
    again = CliRunner().invoke(command, [str(tmp_path / "keys")])
    assert again.exit_code != 0
    assert again.stderr.strip().splitlines() == [
        f"Error: {tmp_path / 'keys' / 'audit.key'}: exists already"
    ]
    help_text = CliRunner().invoke(command, ["--help"]).stdout
    assert "Example: anonynoise audit-key keys" in help_text
