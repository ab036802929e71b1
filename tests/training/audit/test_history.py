"""The history of audits."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest

from tests.training.audit.reports import STARTED, empty_report, report
from training.audit import history
from training.audit.history import in_short, past, record
from training.errors import TrainingError


def digest(place: int) -> str:
    return f"{place:064x}"


def test_no_file_is_no_audit(tmp_path: Path) -> None:
    assert past(tmp_path / "history.sqlite") == ()
    assert not (tmp_path / "history.sqlite").exists()


def test_an_audit_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "deep er" / "history?#%.sqlite"
    record(path, report(), digest(1))
    record(path, empty_report(finished=STARTED + timedelta(days=2)), digest(2))
    first, second = past(path)
    assert first == in_short(report(), digest(1))
    assert first.worst == report().worst
    assert (first.model, first.suite, first.verdict) == ("anonynoise-gesture", "nightly", "pass")
    assert first.finished == report().finished
    assert second.worst is None


def test_recording_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    record(path, report(), digest(1))
    before = path.read_bytes()
    record(path, report(verdict="leak"), digest(1))
    assert past(path) == (in_short(report(), digest(1)),)
    assert path.read_bytes()[100:] == before[100:]


def test_audits_come_in_the_order_of_time(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    # A fraction of a second, which a time's text may leave out.
    moments = [timedelta(days=1), timedelta(0), timedelta(milliseconds=500), timedelta(seconds=1)]
    for place, moment in enumerate(moments):
        record(path, report(finished=STARTED + moment), digest(place))
    assert [one.report_sha256 for one in past(path)] == [digest(k) for k in (1, 2, 3, 0)]


def test_one_model_may_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    other = report().model.model_copy(update={"name": "other"})
    record(path, report(), digest(1))
    record(path, report(model=other), digest(2))
    assert [one.model for one in past(path, "other")] == ["other"]
    assert len(past(path)) == 2
    assert past(path, "none") == ()


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE audit (x)")
    other.close()


def _later(path: Path) -> None:
    record(path, report(), digest(1))
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 2")
    other.close()


def _text(path: Path) -> None:
    path.write_text("no database\n" * 100)


def _torn(path: Path) -> None:
    record(path, report(), digest(1))
    path.write_bytes(path.read_bytes()[:5000])


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (_foreign, "is not a history of audits"),
        (_later, "user_version: is of version 2, not 1"),
        (_text, "file is not a database"),
        (_torn, "malformed"),
        (_folder, "unable to open"),
    ],
)
def test_a_file_that_is_no_history_is_one_line_and_left_alone(
    make, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "history.sqlite"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    for use in (lambda: record(path, report(), digest(9)), lambda: past(path)):
        with pytest.raises(TrainingError, match=rf"history\.sqlite: .*{problem}") as caught:
            use()
        assert "\n" not in str(caught.value)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [one.name for one in tmp_path.iterdir()] == ["history.sqlite"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ("verdict = 'maybe'", "verdict"),
        ("finished = 'yesterday'", "finished"),
        ("report_sha256 = x'00'", "report_sha256"),
        ("value = NULL", r"worst\.value"),
    ],
)
def test_a_damaged_row_names_its_field(change: str, field: str, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    record(path, report(), digest(1))
    with sqlite3.connect(path) as other:
        other.execute(f"UPDATE audit SET {change}")
    other.close()
    with pytest.raises(TrainingError, match=rf"history\.sqlite: {field}: "):
        past(path)


def test_writers_wait_for_each_other_and_for_who_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    together = Barrier(6)

    def write(number: int) -> None:
        together.wait()
        for place in range(4):
            record(path, report(), digest(10 * number + place))
            past(path)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(write, range(6)))
    assert len(past(path)) == 24


def test_nobody_else_writes_once_a_writer_has_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.sqlite"
    look = history._is_empty

    def looked(one: sqlite3.Connection) -> bool:
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        other.close()
        return look(one)

    monkeypatch.setattr(history, "_is_empty", looked)
    record(path, report(), digest(1))
    record(path, report(), digest(2))


def test_a_history_that_stays_locked_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.sqlite"
    record(path, report(), digest(1))
    monkeypatch.setattr(history, "_PATIENCE_S", 0.0)
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TrainingError, match=r"history\.sqlite: database is locked"):
            record(path, report(), digest(2))
        assert len(past(path)) == 1
    finally:
        other.close()
