import os
from pathlib import Path

import pytest

from training.enrolment.secret import KeyFile, Passphrase, secret_from_environment
from training.errors import TrainingError


def test_a_key_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "key")
    file.write(bytes(range(32)))
    assert file.read() == bytes(range(32))
    assert file.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(TrainingError, match="key: File exists"):
        file.write(bytes(32))
    assert file.read() == bytes(range(32))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_another_length_is_refused(tmp_path: Path, size: int) -> None:
    file = KeyFile(tmp_path / "key")
    file.write(bytes(size))
    with pytest.raises(TrainingError, match="key: is no key: not a file of 32 bytes"):
        file.read()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    for name, problem in (("fifo", "is no key"), (".", "Is a directory"), ("x", "No such file")):
        with pytest.raises(TrainingError, match=problem):
            KeyFile(tmp_path / name).read()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    file = KeyFile(tmp_path / "key")
    file.write(bytes(32))
    file.path.chmod(mode)
    with pytest.raises(TrainingError, match="others may open this key: chmod 600"):
        file.read()


def test_a_passphrase_is_not_shown_and_not_short() -> None:
    assert "correct" not in repr(Passphrase("correct horse"))
    Passphrase("correct hors").check()
    with pytest.raises(TrainingError, match="passphrase: has fewer than 12 characters"):
        Passphrase("correct hor").check()


def test_the_environment_names_one_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("ANONYNOISE_ENROLMENT_KEY", "ANONYNOISE_ENROLMENT_PASSPHRASE")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(TrainingError, match="enrolment's key: set ANONYNOISE_ENROLMENT_KEY"):
        secret_from_environment()
    monkeypatch.setenv(names[0], "/keys/one")
    assert secret_from_environment() == KeyFile(Path("/keys/one"))
    monkeypatch.setenv(names[1], "correct horse")
    with pytest.raises(TrainingError, match="and not both"):
        secret_from_environment()
    monkeypatch.delenv(names[0])
    assert secret_from_environment() == Passphrase("correct horse")
