import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from events.dv import DvEncoder
from tests.training.datasets.makers import SENSOR, events
from tests.training.enrolment.makers import (
    PlainPeer,
    consent_file,
    dv_camera,
    enrolled,
    found_in,
    key_file,
    plain,
)
from training.enrolment import command
from training.enrolment.consent import VERSION
from training.enrolment.recording import Taken
from training.enrolment.sealed import HEADER_BYTES
from training.enrolment.session import Session
from training.enrolment.session_folder import SESSION

SENT = [events(1), events(2, start_us=30_000)]
#: Past the end of a recording of 50 ms, so that it ends at once.
LAST = events(3, start_us=60_000)
WORDS = ("Ada Lovelace", "hand_wave", "sunny", "I CONSENT")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    # The process of the tests goes on.
    monkeypatch.setattr(command, "forbid_core_dumps", lambda: None)
    for name in ("ANONYNOISE_ENROLMENT_KEY", "ANONYNOISE_ENROLMENT_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


def arguments(url: str, folder: Path, **options: str | None) -> list[str]:
    given = {
        "key": str(key_file(folder).path),
        "subject": "Ada Lovelace",
        "label": "hand_wave",
        "lighting": "sunny",
        "split": "train",
        "seconds": "0.05",
    } | options
    named = [part for name, value in given.items() if value for part in (f"--{name}", value)]
    return ["record", url, str(folder / "session"), *named]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(command.enrol, words)


def record(url: str, folder: Path, *more: str, **options: str | None) -> Result:
    subject = options.get("subject") or "Ada Lovelace"
    consent = consent_file(folder.parent / f"{folder.name}.json", subject)
    return invoke(*arguments(url, folder, **options), "--consent-file", str(consent), *more)


def session(folder: Path) -> Session:
    return Session.open(folder / "session", key_file(folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_a_person_is_recorded_from_a_camera(folder: Path) -> None:
    with dv_camera([*SENT, LAST]) as url:
        result = record(url, folder)
    assert result.exit_code == 0
    person = session(folder).people()[0]
    sent = np.concatenate(SENT)
    kept = np.concatenate(list(person.recordings()[0].packets()))
    assert (kept == sent[sent["t"] < 50_000]).all()
    assert result.stdout == (
        f"Ada Lovelace consented on 2026-01-02 03:04 UTC ({folder}.json).\n"
        f"{len(kept)} events over 0.05 s of Ada Lovelace, encrypted in "
        f"{folder / 'session' / person.id}\n"
    )
    assert not found_in(folder, plain([*SENT, LAST], *WORDS))
    assert {path.name for path in folder.iterdir()} == {"session", "enrol.key"}
    assert key_file(folder).path.stat().st_mode & 0o777 == 0o600


def test_who_has_consented_is_told_so_and_not_asked_again(folder: Path) -> None:
    enrolled(folder / "session", SENT, subject="Ada Lovelace")
    with dv_camera([*SENT, LAST]) as url:
        result = invoke(*arguments(url, folder))
    assert result.exit_code == 0
    assert result.stderr.startswith("Ada Lovelace consented on 20")
    assert len(session(folder).people()[0].recordings()) == 2


def test_without_consent_no_camera_is_opened_and_nothing_is_left(folder: Path) -> None:
    consent = consent_file(folder.parent / "consent.json", "Somebody Else")
    with PlainPeer() as peer:
        # Nobody is at a terminal here, so that no word can be consent.
        for words, problem in (
            ([], "consent: is typed at a terminal by the person; elsewhere give --consent-file"),
            (["--consent-file", str(consent)], "subject: is the consent of somebody else"),
        ):
            result = CliRunner().invoke(
                command.enrol, [*arguments(peer.url, folder), *words], input="I CONSENT\n"
            )
            assert result.exit_code == 1 and problem in result.stderr
            assert result.stderr.count("\n") == 1
        assert not peer.was_called
    assert not list(folder.iterdir())


def anonynoise(*words: str) -> list[str]:
    return [sys.executable, "-m", "anonynoise", "enrol", *words]


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, words: list[str]) -> None:
        self._master, inside = pty.openpty()
        self.process = subprocess.Popen(
            anonynoise(*words), stdin=inside, stdout=inside, stderr=inside
        )
        os.close(inside)
        self.text = ""

    def until(self, words: str) -> None:
        """Read until ``words`` were shown."""
        while words not in self.text:
            piece = os.read(self._master, 4096)
            assert piece, self.text
            self.text += piece.decode(errors="replace")

    def type(self, words: str) -> None:
        os.write(self._master, words.encode())

    def end(self) -> int:
        """The exit status, once all was read."""
        while True:
            try:
                piece = os.read(self._master, 4096)
            except OSError:
                break
            if not piece:
                break
            self.text += piece.decode(errors="replace")
        return self.process.wait()


@contextmanager
def terminal(words: list[str]) -> Iterator[Terminal]:
    shown = Terminal(words)
    try:
        yield shown
    finally:
        shown.process.kill()
        shown.process.wait()
        os.close(shown._master)


def test_a_person_who_does_not_agree_is_not_recorded(folder: Path) -> None:
    with PlainPeer() as peer:
        with terminal(arguments(peer.url, folder)) as shown:
            shown.until("anything else ends this: ")
            assert "From them you can be recognised" in shown.text
            assert "Name stored with the recordings: Ada Lovelace" in shown.text
            shown.type("yes\n")
            assert shown.end() == 1
        assert not peer.was_called
    assert "Error: consent: was not given, nothing was recorded" in shown.text
    assert not list(folder.iterdir())


def test_a_person_agrees_ends_it_and_may_keep_it(folder: Path) -> None:
    with dv_camera(SENT) as url, terminal(arguments(url, folder, seconds="600")) as shown:
        shown.until("anything else ends this: ")
        shown.type("I CONSENT\n")
        shown.until("800 events")
        # What Ctrl-C sends.
        shown.process.send_signal(signal.SIGINT)
        shown.until("recorded so far? [y/N]: ")
        shown.type("y\n")
        assert shown.end() == 0
    person = session(folder).people()[0]
    assert person.record.consent.how == "typed"
    kept = np.concatenate(list(person.recordings()[0].packets()))
    assert (kept == np.concatenate(SENT)).all()
    assert not found_in(folder, plain(SENT, *WORDS))


def test_what_was_killed_is_nothing_that_anybody_can_read(folder: Path) -> None:
    enrolled(folder / "session", SENT[:1], subject="Ada Lovelace")
    before = {path for path in folder.rglob("*") if path.is_file()}
    encoder = DvEncoder(SENSOR)
    many = events(1, 20_000, span_us=1_000_000)
    with PlainPeer() as peer:
        process = subprocess.Popen(
            anonynoise(*arguments(peer.url, folder, seconds="600")), stderr=subprocess.DEVNULL
        )
        connection = peer.accept()
        connection.sendall(encoder.header)
        written: list[Path] = []
        while not any(path.stat().st_size > 100_000 for path in written):
            connection.sendall(encoder.packet(many))
            written = [path for path in folder.rglob("events") if path.is_file()]
        process.kill()
        process.wait()
    (draft,) = {path for path in folder.rglob("*") if path.is_file()} - before
    data = draft.read_bytes()
    # Chunks, under a key that was in the memory of the process alone.
    assert draft.parent.name.startswith(".draft-") and len(data) > 100_000
    assert data[:HEADER_BYTES] == bytes(HEADER_BYTES)
    assert not found_in(folder, plain([many], *WORDS))
    # The next recording clears it away.
    with dv_camera([*SENT, LAST]) as url:
        assert record(url, folder).exit_code == 0
    assert not draft.exists() and len(session(folder).people()[0].recordings()) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_nothing_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def stopped(*_: object, stop, **__: object) -> Taken:
        os.kill(os.getpid(), number)
        return Taken(5, 10, stop())

    monkeypatch.setattr(command, "record", stopped)
    heard: list[int] = []

    def ours(got: int, _: object) -> None:
        heard.append(got)

    before = signal.signal(number, ours)
    try:
        result = record("dv://127.0.0.1:1", folder)
        # Ours was put aside meanwhile.
        assert signal.getsignal(number) is ours and not heard
    finally:
        signal.signal(number, before)
    assert result.exit_code == 1
    assert result.stderr == "Error: recording: was stopped, nothing was kept\n"
    assert not list(folder.iterdir())


def test_a_camera_that_ends_too_early_leaves_nothing(folder: Path) -> None:
    with dv_camera(SENT, stays=False) as url:
        result = record(url, folder, seconds="30")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {url}: closed the connection\n"
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"split": "test"}, "--split: Ada Lovelace is in the split train, and nobody is in both"),
        ({"key": None}, "enrolment's key: give one of --key and --passphrase"),
        ({"url": "dv://nowhere"}, "'dv://nowhere': is neither dv://HOST:PORT nor raw://HOST:PORT"),
        ({"more": "--keep"}, "--keep: people were told that recordings do not outlive the audit"),
        ({"more": "--passphrase"}, "enrolment's key: give one of --key and --passphrase"),
        ({"key": "session/k"}, "session/k: a key beside what it opens protects nothing"),
        ({"key": "other"}, "other: No such file or directory"),
    ],
)
def test_what_does_not_fit_is_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, str | None], problem: str
) -> None:
    enrolled(folder / "session", SENT, subject="Ada Lovelace")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    monkeypatch.chdir(folder)
    options = dict(options)
    more = [options.pop("more")] if "more" in options else []
    url = options.pop("url", "dv://127.0.0.1:1")
    result = record(url, folder, *more, **options)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ") and result.stderr.endswith(f"{problem}\n")
    assert result.stderr.count("\n") == 1
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["subject", "label", "lighting"])
@pytest.mark.parametrize("value", [" ", "a\nb", "x" * 201, "\x1b[2J"])
def test_names_are_one_printable_line(folder: Path, name: str, value: str) -> None:
    result = invoke(*arguments("dv://127.0.0.1:1", folder, **{name: value}))
    assert result.exit_code == 2 and "one printable line" in result.stderr


def test_a_passphrase_may_stand_in_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.enrolment.secret._SCRYPT_N", 1 << 4)
    monkeypatch.setenv("ANONYNOISE_ENROLMENT_PASSPHRASE", "correct horse battery")
    with dv_camera([*SENT, LAST]) as url:
        assert record(url, folder, key=None).exit_code == 0
    assert {path.name for path in folder.iterdir()} == {"session"}
    assert not found_in(folder, [b"correct horse"])
    assert "Ada Lovelace" in invoke("list", str(folder / "session")).stdout


def test_people_are_listed(folder: Path) -> None:
    enrolled(folder / "session", SENT, subject="Ada")
    enrolled(folder / "session", SENT, subject="Ada", label="clap", lighting="the sun")
    words = ("list", str(folder / "session"), "--key", str(key_file(folder).path))
    listed = json.loads(invoke(*words, "--json").stdout)
    (ada,) = listed["people"]
    assert listed["keep"] is False and (ada["subject"], ada["split"]) == ("Ada", "train")
    assert ada["consent"]["version"] == VERSION and ada["consent"]["how"] == "typed"
    assert [one["label"] for one in ada["recordings"]] == ["wave", "clap"]
    shown = invoke(*words).stdout
    assert "Ada  train  consented 20" in shown and "2 recordings\n  wave  led" in shown


def test_a_person_withdraws(folder: Path) -> None:
    for name in ("Ada", "Eve"):
        enrolled(folder / "session", SENT, subject=name)
    words = ("withdraw", str(folder / "session"), "--key", str(key_file(folder).path), "--subject")
    assert invoke(*words, "Ada").stdout == f"Ada is no longer in {folder / 'session'}\n"
    assert [one.record.subject for one in session(folder).people()] == ["Eve"]
    result = invoke(*words, "Ada")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {folder / 'session'}: has nobody called Ada\n"


def test_a_session_is_deleted_when_asked_twice(folder: Path) -> None:
    enrolled(folder / "session", SENT)
    root = folder / "session"
    assert CliRunner().invoke(command.enrol, ["delete", str(root)], input="\n").exit_code == 1
    assert (root / SESSION).exists()
    assert invoke("delete", str(root), "--yes").exit_code == 0
    assert not root.exists()


def test_the_text_is_shown_with_the_hash_that_a_consent_file_needs() -> None:
    kept, deleted = (invoke("text", *words).stdout for words in (["--keep"], []))
    assert kept != deleted and "CONSENT TO BE RECORDED" in kept
    assert "text_sha256: " in kept


def test_a_crash_leaves_no_core() -> None:
    code = (
        "import ctypes, resource, sys; from training.enrolment.command import enrol\n"
        "try: enrol(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    words = arguments("dv://nowhere", Path("nowhere"))
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "(0, 0) 0\n"
