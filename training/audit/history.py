"""All audits that were ever finished, one row each, in one SQLite file beside the reports."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pydantic import ValidationError

from models.audit import Suite, UtcTime, Verdict, Worst
from models.manifest import Part, Sha256, Slug, first_problem
from training.audit.report import Report
from training.errors import TrainingError

#: Tells our files from other programs' (SQLite's ``application_id``): "AnoA" in ASCII.
_APPLICATION = 0x416E6F41
_VERSION = 1
#: How long one who writes waits for another.
_PATIENCE_S = 60.0

_SCHEMA = """
CREATE TABLE audit (
    report_sha256 TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    suite TEXT NOT NULL,
    finished TEXT NOT NULL,
    verdict TEXT NOT NULL,
    data TEXT NOT NULL,
    data_digest TEXT NOT NULL,
    attack TEXT,
    metric TEXT,
    value REAL,
    low REAL,
    high REAL,
    upper_limit REAL,
    chance REAL
)
"""
_COLUMNS = (
    "report_sha256, model, model_sha256, suite, finished, verdict, data, data_digest, "
    "attack, metric, value, low, high, upper_limit, chance"
)
_INSERT = (
    f"INSERT OR IGNORE INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT = (
    f"SELECT {_COLUMNS} FROM audit WHERE ?1 IS NULL OR model = ?1 ORDER BY finished, report_sha256"
)


class Past(Part):
    """One audit in short."""

    model: Slug
    model_sha256: Sha256
    suite: Suite
    finished: UtcTime
    verdict: Verdict
    #: What it was attacked on; figures of different data cannot be compared.
    data: str
    data_digest: Sha256
    worst: Worst | None
    #: Of the report in JSON.
    report_sha256: Sha256


def in_short(report: Report, report_sha256: str) -> Past:
    """``report`` as the history keeps it."""
    return Past(
        model=report.model.name,
        model_sha256=report.model.sha256,
        suite=report.suite,
        finished=report.finished,
        verdict=report.verdict,
        data=report.data.name,
        data_digest=report.data.digest,
        worst=report.worst,
        report_sha256=report_sha256,
    )


def record(path: Path, report: Report, report_sha256: str) -> None:
    """Add ``report`` to the history in ``path``, which is made if it is not there.

    Adding it again changes nothing. Waits while somebody else writes. Raises
    :class:`TrainingError` if the file cannot be written or is no history; it is left as it was.
    """
    one = in_short(report, report_sha256)
    worst = one.worst
    row = (
        one.report_sha256,
        one.model,
        one.model_sha256,
        one.suite,
        # Of one length, so that texts are in the order of time.
        one.finished.isoformat(timespec="microseconds"),
        one.verdict,
        one.data,
        one.data_digest,
        worst.attack if worst else None,
        worst.metric if worst else None,
        worst.value if worst else None,
        worst.low if worst else None,
        worst.high if worst else None,
        worst.limit if worst else None,
        worst.chance if worst else None,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be made", source=str(path.parent)) from None
    with _opened(path, "rwc") as history:
        # Locked before it is looked at: another may be making the same file.
        history.execute("BEGIN IMMEDIATE")
        if _is_empty(history):
            history.execute(_SCHEMA)
            history.execute(f"PRAGMA application_id = {_APPLICATION}")
            history.execute(f"PRAGMA user_version = {_VERSION}")
        _check(history, path)
        history.execute(_INSERT, row)
        history.execute("COMMIT")


def past(path: Path, model: str | None = None) -> tuple[Past, ...]:
    """The audits in ``path``, of ``model`` or of all, the earliest first; none without a file.

    Raises :class:`TrainingError` if the file cannot be read or is no history.
    """
    if not path.exists():
        return ()
    with _opened(path, "rw") as history:
        # In one transaction: of a file that is being made, all is seen or nothing.
        history.execute("BEGIN")
        if _is_empty(history):
            return ()
        _check(history, path)
        return tuple(_read(row, path) for row in history.execute(_SELECT, (model,)))


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A connection without transactions of its own; what was not committed is undone."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        with closing(
            sqlite3.connect(address, timeout=_PATIENCE_S, isolation_level=None, uri=True)
        ) as history:
            yield history
    except sqlite3.Error as error:
        raise TrainingError(str(error), source=str(path)) from None


def _pragma(history: sqlite3.Connection, name: str) -> int:
    (value,) = history.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _is_empty(history: sqlite3.Connection) -> bool:
    tables = history.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return not (tables or _pragma(history, "application_id") or _pragma(history, "user_version"))


def _check(history: sqlite3.Connection, path: Path) -> None:
    if _pragma(history, "application_id") != _APPLICATION:
        raise TrainingError("is not a history of audits", source=str(path))
    version = _pragma(history, "user_version")
    if version != _VERSION:
        raise TrainingError(
            f"is of version {version}, not {_VERSION}", source=str(path), field="user_version"
        )


def _read(row: tuple[object, ...], path: Path) -> Past:
    names = [name.strip() for name in _COLUMNS.split(",")]
    values = dict(zip(names, row, strict=True))
    worst = {name: values.pop(name) for name in names[-7:]}
    worst["limit"] = worst.pop("upper_limit")
    values["worst"] = None if worst["attack"] is None else worst
    try:
        # From JSON, where a time is a text.
        return Past.model_validate_json(json.dumps(values, default=repr))
    except ValidationError as error:
        first = first_problem(error)
        raise TrainingError(first.problem, source=str(path), field=first.field) from None
