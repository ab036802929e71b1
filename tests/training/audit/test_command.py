"""The command: its verdict and exit code, what it publishes, deletes and goes on with."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import pytest
from click.testing import CliRunner, Result

from models import audit as signed
from models import manifest as manifests
from models.errors import ModelError
from models.gaussian import gaussian
from models.repository import Model, save
from tests.models.audits import leak
from tests.training.audit.reports import report
from tests.training.audit.test_audit import CROWD, SMALL, guessed, only
from tests.training.datasets.makers import events
from tests.training.enrolment.makers import enrolled, key_file
from training.audit import audit as audits
from training.audit.audit import audit
from training.audit.case import Case
from training.audit.command import command
from training.audit.findings import Finding
from training.audit.report import Report
from training.audit.under_way import own_folder
from training.enrolment.secret import KEY_VARIABLE
from training.enrolment.session import Session
from training.enrolment.session_folder import people
from training.lock import locked
from training.stages.recogniser import Recogniser

#: By verdict.
CODES = [("pass", 0), ("leak", 1), ("undecided", 2)]


@pytest.fixture(autouse=True)
def keep_this_process_as_it_is(monkeypatch):
    monkeypatch.setattr("training.audit.command.forbid_core_dumps", lambda: None)


@pytest.fixture
def model(tmp_path) -> Model:
    return save(gaussian(4.0, name="gaussian"), tmp_path / "gaussian")


@pytest.fixture
def keys(tmp_path) -> Path:
    signed.new_key(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def crowd(monkeypatch) -> None:
    """Whatever folder is asked for, these people are in it."""
    monkeypatch.setattr("training.audit.data.load", lambda *_: (CROWD, True))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def asked(tmp_path: Path, *more: object) -> Result:
    """An audit of :func:`model`."""
    folders = ("--data", tmp_path / "data", "--report", tmp_path / "out")
    return run(tmp_path / "gaussian", *folders, "--suite", "quick", *more)


def judged(monkeypatch: pytest.MonkeyPatch, verdict: str) -> None:
    """Have the audit come to ``verdict`` at once."""
    found = report(verdict=verdict, reason="made up for a test")
    monkeypatch.setattr("training.audit.audit.audit", lambda *_: found)


def ending(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Have the audit end with ``error``."""

    def end(*_: object) -> None:
        raise error

    monkeypatch.setattr("training.audit.audit.audit", end)


def test_what_cannot_be_audited_is_undecided_in_one_line(tmp_path):
    found = run("gaussian-4", "--data", tmp_path, "--report", tmp_path / "out")
    assert found.exit_code == 2
    (line,) = found.output.strip().splitlines()
    assert "simulate" in line and "labels.csv" in line


def test_publishing_needs_a_key_before_any_work(tmp_path):
    folders = ("--data", tmp_path, "--report", tmp_path / "out")
    found = run("gaussian-4", *folders, "--publish")
    assert (found.exit_code, "--key" in found.output) == (2, True)
    found = run("gaussian-4", *folders, "--key", tmp_path / "none.key")
    assert (found.exit_code, "none.key" in found.output) == (2, True)


@pytest.mark.parametrize(
    ("option", "number"),
    [
        *(("--over-chance", number) for number in ("0.5", "-1", "nan", "inf", "much")),
        *(("--budget", number) for number in ("0", "-1", "nan", "inf")),
    ],
)
def test_a_number_that_is_no_limit_is_told_of_before_anything_is_read(tmp_path, option, number):
    found = run("none", "--data", "none", "--report", tmp_path / "out", option, number)
    assert found.exit_code == 2
    last = found.stderr.splitlines()[-1]
    assert last.startswith(f"Error: Invalid value for '{option}': ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("verdict", "code"), CODES)
def test_the_verdict_is_signed_and_published_and_the_exit_code(
    verdict, code, tmp_path, monkeypatch, model, keys, crowd
):
    def judged(model, dataset, synthetic, settings, *_):
        report = audit(model, dataset, synthetic, settings)
        worst = signed.Worst(
            attack="retrain",
            metric="top1",
            value=9.0,
            low=5.0,
            high=12.0,
            chance=8.0,
            limit=16.0,
        )
        fields = {"verdict": verdict, "worst": worst, "reason": "made up for a test"}
        return report.model_copy(update=fields)

    monkeypatch.setattr("training.audit.audit.audit", judged)
    found = asked(tmp_path, "--key", keys / "audit.key", "--publish", "--budget", "1e-9")
    assert found.exit_code == code, found.output
    manifest = manifests.read(tmp_path / "gaussian" / "manifest.json")
    said = signed.verify(manifest.audit, manifest, signed.read_public_key(keys / "audit.pub"))
    assert said.verdict == verdict and said.model_sha256 == model.manifest.sha256
    document = json.loads((tmp_path / "out" / "report.json").read_bytes())
    assert document["verdict"] == verdict
    assert (datetime.now(UTC) - said.finished).total_seconds() < 600
    assert not (tmp_path / "out" / "work").exists()


@pytest.mark.usefixtures("crowd")
def test_a_leak_of_a_longer_suite_stays_where_it_is(tmp_path, monkeypatch, model, keys):
    key = signed.read_private_key(keys / "audit.key")
    found = signed.sign(leak(model.manifest, suite="full"), key)
    signed.publish(tmp_path / "gaussian", found)
    judged(monkeypatch, "pass")
    passed = asked(tmp_path, "--key", keys / "audit.key", "--publish")
    assert passed.exit_code == 0
    day = found.statement.finished.date()
    assert passed.stderr.splitlines()[-1] == (
        f"{tmp_path / 'gaussian'}: not published: the leak that the full suite found on {day} "
        "stands until a suite as long decides otherwise"
    )
    manifest = manifests.read(tmp_path / "gaussian" / "manifest.json")
    assert signed.unverified(manifest.audit) == found


@pytest.mark.usefixtures("model", "crowd")
class TestNoVerdict:
    """1 stands for a leak, whatever Python, click and Lightning make of an error."""

    @pytest.mark.parametrize(
        "error",
        [
            KeyError("Ada Lovelace"),
            RuntimeError("Ada Lovelace"),
            MemoryError("Ada Lovelace"),
            OSError(5, "Ada Lovelace"),
            ValueError("Ada Lovelace"),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_an_unexpected_error_is_undecided_and_the_log_says_where(
        self, tmp_path, monkeypatch, caplog, error
    ):
        ending(monkeypatch, error)
        found = asked(tmp_path)
        name = type(error).__name__
        assert (found.exit_code, found.stdout) == (2, "")
        assert found.stderr == f"Error: unexpected {name}; the log says where\n"
        (record,) = (one for one in caplog.records if one.levelname == "ERROR")
        assert f'"{__file__}"' in record.getMessage() and record.getMessage().endswith(name)
        # What it choked on is nobody's to read.
        assert "Ada" not in found.output + caplog.text

    def test_who_stops_it_is_told_that_it_goes_on(self, tmp_path, monkeypatch):
        ending(monkeypatch, KeyboardInterrupt())
        found = asked(tmp_path)
        assert (found.exit_code, found.stdout) == (2, "")
        assert found.stderr == "Error: stopped; the same command goes on where it stopped\n"

    @pytest.fixture
    def own_signals(self) -> Iterator[None]:
        """Lightning has a second Ctrl-C ignored."""
        before = signal.getsignal(signal.SIGINT)
        yield
        signal.signal(signal.SIGINT, before)

    @pytest.mark.usefixtures("own_signals")
    def test_so_is_who_stops_it_while_it_trains(self, tmp_path, monkeypatch):
        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(Recogniser, "training_step", stop)
        found = asked(tmp_path)
        assert found.exit_code == 2
        assert "Error: stopped; the same command goes on where it stopped\n" in found.stderr


class TestWork:
    """What is left when the report stands, which a later audit must not take for its own."""

    @pytest.fixture(autouse=True)
    def attacked(self, monkeypatch, crowd) -> list[Case]:
        """What the only attack that there is was given."""
        given: list[Case] = []

        def attack(case: Case) -> Finding:
            given.append(case)
            return guessed(case)

        only(attack, monkeypatch)
        # An excerpt is drawn, so that the folder is another than that of all data.
        less = {"raw_epochs": 1, "epochs": 1, "windows": 16, "test_windows": 70}
        effort = MappingProxyType({"quick": SMALL.model_copy(update=less)})
        monkeypatch.setattr(audits, "EFFORT", effort)
        # Nothing else that takes its time.
        monkeypatch.setattr(Case, "raw_attacker", lambda case: case.folder)
        monkeypatch.setattr(audits, "_consumers", lambda *_: iter(()))
        return given

    def test_an_audit_with_the_same_seed_attacks_anew(self, tmp_path, model, attacked):
        work = tmp_path / "work"
        for _ in range(2):
            found = asked(tmp_path, "--work", work, "--seed", 0)
            assert (tmp_path / "out" / "report.json").exists(), found.output
        assert [case.seed for case in attacked] == [0, 0]
        assert list(work.iterdir()) == []

    def test_what_it_did_not_make_stays(self, tmp_path, model):
        work = tmp_path / "work"
        other = own_folder(work, gaussian(4.0, name="other").manifest, "quick")
        kept = [work / name for name in ("state.json", "cache/windows", "0123456789ab/mine")]
        kept.append(other / "state.json")
        for path in kept:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        asked(tmp_path, "--work", work)
        assert sorted(path for path in work.rglob("*") if path.is_file()) == sorted(kept)

    def test_a_folder_work_beside_the_report_stays(self, tmp_path, model):
        mine = tmp_path / "out" / "work" / "cache" / "mine"
        mine.parent.mkdir(parents=True)
        mine.touch()
        asked(tmp_path)
        assert list(mine.parents[1].iterdir()) == [mine.parent]

    def test_a_stopped_audit_goes_on_in_it(self, tmp_path, model, attacked, monkeypatch):
        with monkeypatch.context() as stopped:
            stopped.setattr(audits, "judge", lambda *_: 1 / 0)
            assert asked(tmp_path, "--work", tmp_path / "work").exit_code == 2
        assert len(attacked) == 1
        asked(tmp_path, "--work", tmp_path / "work")
        assert len(attacked) == 1 and (tmp_path / "out" / "report.json").exists()

    def test_two_at_once_do_not_mix_what_they_find(self, tmp_path, model, attacked):
        own = own_folder(tmp_path / "work", model.manifest, "quick")
        own.mkdir(parents=True)
        with locked(own):
            found = asked(tmp_path, "--work", tmp_path / "work")
        assert (found.exit_code, attacked) == (2, [])
        assert found.stderr.splitlines()[-1] == f"Error: {own}: is in use by another command"
        asked(tmp_path, "--work", tmp_path / "work")
        assert len(attacked) == 1

    def test_what_cannot_be_deleted_is_told(self, tmp_path, model):
        own = own_folder(tmp_path / "work", model.manifest, "quick")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        own.parent.mkdir()
        own.symlink_to(elsewhere)
        found = asked(tmp_path, "--work", tmp_path / "work")
        assert found.exit_code == 2
        assert found.stderr.splitlines()[-1] == f"Error: {own}: cannot be deleted"


@pytest.mark.usefixtures("model", "crowd")
class TestEnrolled:
    """Recordings of people go when their audit has come to a verdict, as they were told."""

    @pytest.fixture(autouse=True)
    def session(self, tmp_path, monkeypatch) -> Path:
        """The data of the audit."""
        monkeypatch.setenv(KEY_VARIABLE, str(key_file(tmp_path).path))
        return self.recorded(tmp_path / "data")

    def recorded(self, root: Path, **options: bool) -> Path:
        enrolled(root, [events(1, 1000)], **options)
        return root

    def people(self, session: Path) -> int:
        return len(Session.open(session, key_file(session.parent)).people())

    @pytest.mark.parametrize(("verdict", "code"), CODES[:2])
    def test_a_verdict_deletes_every_session(self, tmp_path, monkeypatch, session, verdict, code):
        second = self.recorded(tmp_path / "second")
        judged(monkeypatch, verdict)
        found = asked(tmp_path, "--data", second)
        assert found.exit_code == code, found.output
        assert not session.exists() and not second.exists()
        assert f"{session}: deleted after its use\n" in found.stderr

    def test_no_verdict_deletes_none(self, tmp_path, monkeypatch, session):
        judged(monkeypatch, "undecided")
        found = asked(tmp_path)
        assert (found.exit_code, self.people(session)) == (2, 1)
        assert f"{session}: still there, nothing was decided\n" in found.stderr
        ending(monkeypatch, RuntimeError())
        assert (asked(tmp_path).exit_code, self.people(session)) == (2, 1)

    def test_one_whose_people_were_told_that_it_stays_does(self, tmp_path, monkeypatch):
        kept = self.recorded(tmp_path / "kept", keep=True)
        judged(monkeypatch, "pass")
        found = asked(tmp_path, "--data", kept)
        assert (found.exit_code, self.people(kept)) == (0, 1)
        assert f"{kept}: kept\n" in found.stderr

    @pytest.mark.parametrize("step", ["models.audit.publish", "models.audit.sign"])
    def test_a_verdict_that_cannot_be_published_deletes_it_too(
        self, tmp_path, monkeypatch, session, keys, step
    ):
        def fail(*_: object) -> None:
            raise ModelError("Permission denied", source="manifest.json")

        judged(monkeypatch, "pass")
        monkeypatch.setattr(step, fail)
        found = asked(tmp_path, "--key", keys / "audit.key", "--publish")
        assert found.exit_code == 2
        assert found.stderr.splitlines()[-1] == "Error: manifest.json: Permission denied"
        assert (tmp_path / "out" / "report.json").exists()
        assert not session.exists()

    def test_one_that_cannot_be_deleted_keeps_no_other(self, tmp_path, monkeypatch, session):
        damaged = self.recorded(tmp_path / "damaged")
        stands = report(verdict="pass", reason="made up for a test")

        def judge(*_: object) -> Report:
            (damaged / "session.json").write_text("{}")
            return stands

        monkeypatch.setattr("training.audit.audit.audit", judge)
        found = asked(tmp_path, "--data", damaged)
        assert found.exit_code == 2
        assert found.stderr.splitlines()[-1].startswith(f"Error: {damaged}/session.json: ")
        assert not session.exists()

    @pytest.mark.parametrize("part", ["session", "person"])
    def test_one_that_will_not_be_deletable_is_not_attacked(
        self, tmp_path, monkeypatch, session, part
    ):
        locked_up = {"session": session, "person": people(session)[0]}[part]
        monkeypatch.setattr(os, "access", lambda path, _: path != locked_up)
        judged(monkeypatch, "pass")
        found = asked(tmp_path)
        assert (found.exit_code, self.people(session)) == (2, 1)
        problem = "is to be deleted after its use, and cannot be"
        assert found.stderr.splitlines()[-1] == f"Error: {locked_up}: {problem}"
        assert not (tmp_path / "out").exists()

    def test_one_that_stays_may_be_read_only(self, tmp_path, monkeypatch):
        kept = self.recorded(tmp_path / "kept", keep=True)
        monkeypatch.setattr(os, "access", lambda path, _: path != kept)
        judged(monkeypatch, "pass")
        assert asked(tmp_path, "--data", kept).exit_code == 0
