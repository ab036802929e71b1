"""Statements of audits that never took place, and keys to sign them with."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models import manifest as manifests
from models.audit import Statement, manifest_digest, publish, sign
from models.manifest import Manifest

#: The same in every test.
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))

WORST = {
    "attack": "retrain",
    "metric": "top1",
    "value": 16.5,
    "low": 11.0,
    "high": 22.5,
    "chance": 14.5,
    "limit": 30.0,
}


def statement(
    manifest: Manifest, *, age: timedelta = timedelta(0), worst: Any = (), **changes: Any
) -> Statement:
    """A pass of ``manifest`` that finished ``age`` ago; ``worst`` merges, None removes it."""
    fields = {
        "schema_version": 1,
        "model": manifest.name,
        "model_sha256": manifest.sha256,
        "manifest_sha256": manifest_digest(manifest),
        "verdict": "pass",
        "reason": "every attack stayed below its limit",
        "suite": "nightly",
        "data": "simulated gestures, 29 people",
        "synthetic": True,
        "finished": datetime.now(UTC) - age,
        "worst": None if worst is None else WORST | dict(worst),
        "report_sha256": "5" * 64,
    }
    return Statement.model_validate(fields | changes)


def leak(manifest: Manifest, **changes: Any) -> Statement:
    """As :func:`statement`, of a model that leaks."""
    worst = {"value": 70.0, "low": 60.0, "high": 80.0}
    return statement(manifest, verdict="leak", worst=worst, **changes)


def audited(
    folder: Path, key: Ed25519PrivateKey = KEY, *, leaks: bool = False, **changes: Any
) -> Statement:
    """Put an audit into the model's ``folder``, as the audit job does."""
    said = (leak if leaks else statement)(manifests.read(folder / "manifest.json"), **changes)
    publish(folder, sign(said, key))
    return said


def rewritten(folder: Path, **changes: Any) -> None:
    """Change fields of the manifest in ``folder``, by hand."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
