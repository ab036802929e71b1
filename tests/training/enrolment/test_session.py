import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.errors import ModelError
from tests.training.datasets.makers import events
from tests.training.enrolment.makers import enrolled, found_in, key_file, plain
from training.enrolment import secret as secret_module
from training.enrolment.sealed import CHUNK_BYTES, HEADER_BYTES
from training.enrolment.secret import KeyFile, Passphrase
from training.enrolment.session import Recording, Session, delete_after_use
from training.enrolment.session_folder import SESSION, delete, workplace
from training.errors import TrainingError

#: As it lies on the disk.
CHUNK = CHUNK_BYTES + 16
SENT = [events(1, 20_000), events(2, 20_000, start_us=30_000)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "session"


@pytest.fixture
def quick_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_module, "_SCRYPT_N", 1 << 4)


def opened(root: Path) -> Session:
    return Session.open(root, key_file(root.parent))


def all_events(recording: Recording) -> np.ndarray:
    return np.concatenate(list(recording.packets()))


def test_what_was_recorded_is_there(root: Path) -> None:
    enrolled(root, SENT)
    enrolled(root, SENT[1:], label="clap", lighting="the sun")
    enrolled(root, SENT[:1], subject="Eve", split="test")
    ada, eve = opened(root).people()
    assert (ada.record.subject, ada.record.split) == ("Ada", "train")
    assert (eve.record.subject, eve.record.split) == ("Eve", "test")
    first, second = ada.recordings()
    assert (all_events(first) == np.concatenate(SENT)).all()
    assert (all_events(second) == SENT[1]).all()
    assert (second.about().label, second.about().lighting) == ("clap", "the sun")
    assert (all_events(eve.recordings()[0]) == SENT[0]).all()
    assert ada.record.consent.how == "typed"


def test_nothing_of_it_stands_on_the_disk(root: Path) -> None:
    recording = enrolled(root, SENT, subject="Ada Lovelace", label="hand_wave", lighting="sunny")
    # Words of five bytes or more: ciphertext has any three of them now and then.
    needles = plain(
        SENT, "Ada Lovelace", "Lovelace", "hand_wave", "sunny", "train", "subject", "consent"
    )
    # Nor does a key, but the one that opens the session.
    keys = [recording.person.key]
    assert not found_in(root.parent, [*needles, *keys])
    outer = key_file(root.parent).read()
    assert not found_in(root, [outer])
    # What is looked for would be found.
    (root / "plain").write_bytes(SENT[0].tobytes())
    assert len(found_in(root, needles)) == 3


def test_only_its_owner_may_read_it(root: Path) -> None:
    recording = enrolled(root, SENT)
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(files) == 4 and recording.path in files
    assert {path.stat().st_mode & 0o077 for path in [root, recording.person.folder, *files]} == {0}


def test_another_key_opens_nothing(root: Path, tmp_path: Path) -> None:
    enrolled(root, SENT)
    other = KeyFile(tmp_path / "other.key")
    other.write(bytes(32))
    with pytest.raises(TrainingError, match=r"session\.json: does not open: another key"):
        Session.open(root, other)
    with pytest.raises(TrainingError, match=r"session\.json: is opened by a key file"):
        Session.open(root, Passphrase("correct horse battery"))


def test_a_passphrase_opens_it(root: Path, quick_scrypt: None) -> None:
    secret = Passphrase("correct horse battery")
    enrolled(root, SENT, secret=secret)
    assert len(Session.open(root, secret).people()) == 1
    assert not found_in(root, [b"correct horse"])
    with pytest.raises(TrainingError, match="another key"):
        Session.open(root, Passphrase("correct horse batterz"))
    with pytest.raises(TrainingError, match="is opened by a passphrase"):
        Session.open(root, key_file(root.parent))


def test_a_short_passphrase_opens_nothing_new(root: Path) -> None:
    with pytest.raises(TrainingError, match="fewer than 12"):
        Session.new(root, Passphrase("short"), False)


def test_recordings_of_two_people_cannot_be_swapped(root: Path) -> None:
    one, other = enrolled(root, SENT), enrolled(root, SENT, subject="Eve")
    swap(one.path, other.path)
    for person in opened(root).people():
        with pytest.raises(TrainingError, match="belongs elsewhere"):
            person.recordings()


def test_two_recordings_of_a_person_cannot_be_swapped_or_copied(root: Path) -> None:
    one, other = enrolled(root, SENT), enrolled(root, SENT[:1])
    swap(one.path, other.path)
    for recording in (one, other):
        with pytest.raises(TrainingError, match="belongs elsewhere"):
            recording.about()
    swap(one.path, other.path)
    copy = one.path.with_name("0123456789abcdef.events")
    shutil.copy(one.path, copy)
    with pytest.raises(TrainingError, match=r"0123456789abcdef\.events: does not open"):
        opened(root).people()[0].recordings()


@pytest.mark.parametrize("name", ["key", "person"])
def test_two_peoples_keys_or_names_cannot_be_swapped(root: Path, name: str) -> None:
    one, other = enrolled(root, SENT), enrolled(root, SENT, subject="Eve")
    swap(one.person.folder / name, other.person.folder / name)
    with pytest.raises(TrainingError, match=f"{name}: does not open"):
        opened(root).people()


def test_two_peoples_folders_cannot_be_swapped(root: Path) -> None:
    one, other = enrolled(root, SENT), enrolled(root, SENT, subject="Eve")
    swap(one.person.folder, other.person.folder)
    with pytest.raises(TrainingError, match="key: does not open"):
        opened(root).people()


def swap(one: Path, other: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def test_a_recording_that_was_cut_off_or_changed_is_found(root: Path) -> None:
    recording = enrolled(root, SENT)
    whole = recording.path.read_bytes()
    assert len(whole) > 2 * CHUNK
    for stop in (HEADER_BYTES, HEADER_BYTES + CHUNK, HEADER_BYTES + 2 * CHUNK, len(whole) - 1):
        recording.path.write_bytes(whole[:stop])
        with pytest.raises(TrainingError, match=recording.path.name):
            list(recording.packets())
    changed = bytearray(whole)
    changed[-70_000] ^= 1
    recording.path.write_bytes(changed)
    with pytest.raises(TrainingError, match=r"chunk \d: was changed or cut off"):
        list(recording.packets())


def test_how_long_it_is_kept_cannot_be_changed(root: Path) -> None:
    enrolled(root, SENT)
    path = root / SESSION
    path.write_text(json.dumps(json.loads(path.read_text()) | {"keep": True}))
    with pytest.raises(TrainingError, match=r"session\.json: does not open"):
        opened(root)


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, '{"format": 2}'])
def test_a_damaged_session_is_one_line(root: Path, text: str) -> None:
    enrolled(root, SENT)
    (root / SESSION).write_text(text)
    with pytest.raises(ModelError, match=r"session\.json") as caught:
        opened(root)
    assert "\n" not in str(caught.value)


def test_who_withdraws_is_gone_and_others_stay(root: Path) -> None:
    ada = enrolled(root, SENT).person
    eve = enrolled(root, SENT, subject="Eve")
    session = opened(root)
    session.withdraw(ada)
    assert not ada.folder.exists()
    assert [person.record.subject for person in session.people()] == ["Eve"]
    assert session.person("Ada") is None
    assert (all_events(eve) == np.concatenate(SENT)).all()
    assert not list(root.glob(".draft-*"))


def test_one_can_withdraw_whatever_happened_to_others(root: Path) -> None:
    broken = [enrolled(root, SENT, subject=name).person for name in ("Bob", "Eve")]
    ada = enrolled(root, SENT).person
    (broken[0].folder / "key").write_bytes(b"")
    (broken[1].folder / "person").unlink()
    session = opened(root)
    found = session.person("Ada")
    assert found is not None and found.id == ada.id
    with pytest.raises(ModelError, match=r"key|person"):
        session.person("Eve")


def removals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of files in the order of their removal."""
    names: list[str] = []
    unlink = Path.unlink

    def watched(path: Path, missing_ok: bool = False) -> None:
        if path.exists():
            names.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    return names


def test_keys_go_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = enrolled(root, SENT).person
    for name in ("Bob", "Eve"):
        enrolled(root, SENT, subject=name)
    names = removals(monkeypatch)
    opened(root).withdraw(ada)
    assert names[0] == "key" and len(names) == 3
    names.clear()
    delete(root)
    assert names[:3] == [SESSION, "key", "key"] and len(names) == 7
    assert not root.exists()
    # The operator's own key is the operator's.
    assert key_file(root.parent).path.exists()


def test_a_deletion_that_was_killed_goes_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    enrolled(root, SENT)
    (root / SESSION).unlink()
    delete(root)
    assert not root.exists()


def test_a_withdrawal_that_was_killed_is_one(root: Path) -> None:
    person = enrolled(root, SENT).person
    enrolled(root, SENT, subject="Eve")
    (person.folder / "key").unlink()
    assert [one.record.subject for one in opened(root).people()] == ["Eve"]
    enrolled(root, SENT, subject="Eve")
    assert not person.folder.exists()


def test_only_an_enrolment_is_deleted(root: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="session: No such file"):
        delete(root)
    root.mkdir()
    (root / "thesis.txt").write_text("mine")
    with pytest.raises(TrainingError, match=r"session: is no enrolment$"):
        delete(root)
    with (
        pytest.raises(TrainingError, match="is no enrolment and not an empty folder"),
        workplace(root),
    ):
        pass
    (root / "thesis.txt").rename(tmp_path / "thesis.txt")
    enrolled(root, SENT)
    # Neither what lies beside it nor what a link leads to is ours.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "key").write_text("mine")
    (root / "0123456789abcdef").symlink_to(elsewhere)
    (root / "thesis.txt").write_text("mine")
    delete(root)
    assert {path.name for path in root.iterdir()} == {"thesis.txt", "0123456789abcdef"}
    assert (elsewhere / "key").read_text() == "mine"


def test_after_the_audit_it_is_deleted_unless_people_were_told_otherwise(
    root: Path, tmp_path: Path
) -> None:
    enrolled(root, SENT)
    assert delete_after_use(opened(root)) and not root.exists()
    kept = tmp_path / "kept"
    enrolled(kept, SENT, keep=True)
    assert not delete_after_use(opened(kept))
    assert len(opened(kept).people()) == 1


def test_a_folder_is_worked_in_by_one(root: Path) -> None:
    person = enrolled(root, SENT).person
    session = opened(root)
    with workplace(root):
        for other in (
            lambda: workplace(root).__enter__(),
            lambda: delete(root),
            lambda: session.withdraw(person),
        ):
            with pytest.raises(TrainingError, match="session: is in use by another command"):
                other()
    delete(root)


def test_a_recording_that_fails_leaves_nothing(root: Path) -> None:
    with pytest.raises(TrainingError, match="sent no event"):
        enrolled(root, [])
    assert not list(root.parent.iterdir())
    enrolled(root, SENT)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}
    for subject in ("Ada", "Eve"):
        with pytest.raises(TrainingError, match="sent no event"):
            enrolled(root, [], subject=subject)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()} == before


def test_a_place_that_cannot_be_written_is_one_line(root: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No such file"):
        enrolled(tmp_path / "no" / "parent", SENT)
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="Not a directory"):
        enrolled(tmp_path / "file", SENT)
    with pytest.raises(TrainingError, match=r"gone/key: cannot be made there"):
        Session.new(root, KeyFile(tmp_path / "gone" / "key"), False)
