"""A report on disk."""

import hashlib
from pathlib import Path

import pytest

from tests.training.audit.reports import attack, empty_report, png, report
from training.audit import publish
from training.audit.history import past, record
from training.audit.publish import JSON_FILE, PAGE_FILE, write
from training.audit.report import Report, Sample
from training.errors import TrainingError

REAL = report().data.model_copy(update={"synthetic": False})


@pytest.mark.parametrize("one", [report(), empty_report()])
def test_a_report_is_written_and_read_back(one: Report, tmp_path: Path) -> None:
    digest = write(one, tmp_path / "out", tmp_path / "history.sqlite")
    document = (tmp_path / "out" / JSON_FILE).read_bytes()
    assert hashlib.sha256(document).hexdigest() == digest
    assert Report.model_validate_json(document) == one
    text = (tmp_path / "out" / PAGE_FILE).read_text()
    assert digest in text
    assert "(this one)" in text
    assert [row.report_sha256 for row in past(tmp_path / "history.sqlite")] == [digest]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [PAGE_FILE, JSON_FILE]


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    first = write(empty_report(), tmp_path, tmp_path / "history.sqlite")
    text = (tmp_path / PAGE_FILE).read_text()
    assert write(empty_report(), tmp_path, tmp_path / "history.sqlite") == first
    assert (tmp_path / PAGE_FILE).read_text() == text
    assert len(past(tmp_path / "history.sqlite")) == 1


def test_audits_of_another_model_are_not_on_the_page(tmp_path: Path) -> None:
    other = report().model.model_copy(update={"name": "other", "sha256": "7" * 64})
    record(tmp_path / "history.sqlite", report(model=other), "f" * 64)
    write(empty_report(), tmp_path, tmp_path / "history.sqlite")
    assert "7" * 12 not in (tmp_path / PAGE_FILE).read_text()


def test_without_a_history_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_text("not one\n" * 200)
    with pytest.raises(TrainingError, match="file is not a database"):
        write(empty_report(), tmp_path / "out", tmp_path / "history.sqlite")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("failing", ["write_whole", "record"])
def test_what_fails_on_the_way_changes_nothing(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(publish, failing)
    failed = []

    def broken(path: Path, *rest: object) -> None:
        # Once: with the last file, or the history.
        if not failed and path.name in (JSON_FILE, "history.sqlite"):
            failed.append(path)
            raise TrainingError("No space left on device", source=str(path))
        real(path, *rest)

    def attempt() -> None:
        failed.clear()
        with monkeypatch.context() as patched:
            patched.setattr(publish, failing, broken)
            with pytest.raises(TrainingError, match="No space left"):
                write(empty_report(), tmp_path, tmp_path / "history.sqlite")

    attempt()
    assert list(tmp_path.iterdir()) == []
    write(empty_report(verdict="leak"), tmp_path, tmp_path / "history.sqlite")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    attempt()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_who_is_interrupted_on_the_way_changed_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publish, "record", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(empty_report(), tmp_path, tmp_path / "history.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(TrainingError, match="out/report"):
        write(empty_report(), tmp_path / "out", tmp_path / "history.sqlite")
    assert (tmp_path / "out").read_text() == "mine"
    assert past(tmp_path / "history.sqlite") == ()


@pytest.mark.parametrize(
    ("one", "field"),
    [
        (
            empty_report(
                data=REAL,
                samples=(Sample(caption="c", raw=png(1, 1, 1), published=png(2, 2, 2)),),
            ),
            "samples",
        ),
        (
            empty_report(
                data=REAL,
                attacks=(attack("inversion", details={"deep": [{"denoised": png(1, 1, 1)}]}),),
            ),
            r"attacks\.inversion\.details",
        ),
    ],
)
def test_people_who_were_recorded_are_never_written(
    one: Report, field: str, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=f"{field}: holds .* who were recorded"):
        write(one, tmp_path / "out", tmp_path / "history.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_what_is_published_of_real_people_is_written(tmp_path: Path) -> None:
    one = empty_report(
        data=REAL,
        samples=(Sample(caption="c", raw=None, published=png(2, 2, 2)),),
        attacks=(attack("reconstruction", details={"pictures": [{"covered": png(3, 3, 3)}]}),),
    )
    write(one, tmp_path, tmp_path / "history.sqlite")
    text = (tmp_path / PAGE_FILE).read_text()
    assert png(2, 2, 2) in text
    assert png(3, 3, 3) in text
