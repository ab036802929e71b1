from pathlib import Path

import numpy as np
import pytest

from tests.training.datasets.makers import events, representation, simulated
from tests.training.enrolment.makers import enrolled, found_in, key_file, plain
from training.datasets import load_dataset
from training.datasets.build import build
from training.datasets.enrolled import index
from training.datasets.gestures import CLASSES
from training.errors import TrainingError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ANONYNOISE_ENROLMENT_PASSPHRASE", raising=False)
    monkeypatch.setenv("ANONYNOISE_ENROLMENT_KEY", str(key_file(tmp_path).path))
    return tmp_path / "session"


def fill(root: Path) -> Path:
    """The recordings of :func:`simulated`, by enrolled people."""
    seed = 0
    for subject in range(4):
        for label in range(2):
            for lighting in range(2):
                seed += 1
                enrolled(
                    root,
                    [events(seed)],
                    subject=f"subject-{subject:02d}",
                    split="test" if subject == 3 else "train",
                    label=f"class-{label}",
                    lighting=f"light-{lighting}",
                )
    return root


def rows(windows) -> list[tuple[bytes, int, int]]:
    """What a window shows, whoever it is of."""
    columns = (windows.windows, windows.label, windows.condition)
    return sorted(
        (window.tobytes(), int(label), int(condition))
        for window, label, condition in zip(*columns, strict=True)
    )


def counts(windows) -> list[int]:
    """How many windows there are of each person, whoever that is."""
    return sorted(np.unique(windows.subject, return_counts=True)[1])


def test_windows_are_those_of_the_same_events_in_the_open(root: Path, tmp_path: Path) -> None:
    plain_set = load_dataset("simulated", simulated(tmp_path / "open"), representation())
    before = set(tmp_path.rglob("*"))
    enrolled_set = load_dataset("enrolled", fill(root), representation())
    for split in ("train", "test"):
        ours, theirs = getattr(enrolled_set, split), getattr(plain_set, split)
        assert rows(ours) == rows(theirs)
        assert counts(ours) == counts(theirs)
    assert enrolled_set.labels == plain_set.labels
    assert enrolled_set.conditions == plain_set.conditions
    # Reading it wrote nothing.
    assert all(root in (path, *path.parents) or path.name == "enrol.key"
               for path in set(tmp_path.rglob("*")) - before)  # fmt: skip
    assert not found_in(root, plain([events(seed) for seed in range(1, 17)], "subject-", "class-"))


def test_nobody_goes_by_name(root: Path) -> None:
    dataset = load_dataset("enrolled", fill(root), representation())
    assert len(dataset.subjects) == 4
    assert all((root / subject).is_dir() for subject in dataset.subjects)
    assert dataset.notes == ("The recordings are of people who consented.",)


def test_there_is_no_cache(root: Path, tmp_path: Path) -> None:
    fill(root)
    with pytest.raises(TrainingError, match=r"^enrolled: raw windows of people are kept in no"):
        load_dataset("enrolled", root, representation(), cache=tmp_path / "cache")
    # Not even where the windows are cut without being asked for by name.
    with pytest.raises(TrainingError, match=r"^enrolled: raw windows of people are kept in no"):
        build(index(root), representation(), "live", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_known_classes_are_in_the_order_of_the_models(root: Path) -> None:
    for label in reversed(CLASSES[:3]):
        enrolled(root, [events(1)], label=label)
    assert index(root).labels == CLASSES[:3]
    for label in ("sadness", "anything"):
        enrolled(root, [events(1)], label=label)
    assert index(root).labels == tuple(sorted([*CLASSES[:3], "sadness", "anything"]))


def test_the_key_is_given_or_in_the_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(root, [events(1)])
    monkeypatch.delenv("ANONYNOISE_ENROLMENT_KEY")
    with pytest.raises(TrainingError, match="enrolment's key: set ANONYNOISE_ENROLMENT_KEY"):
        index(root)
    assert len(index(root, key_file(root.parent)).entries) == 1


def test_damage_is_one_line(root: Path) -> None:
    recording = enrolled(root, [events(1)])
    whole = recording.path.read_bytes()
    recording.path.write_bytes(whole[:-1])
    with pytest.raises(TrainingError, match=rf"{recording.path}: chunk 0: was changed or cut off"):
        load_dataset("enrolled", root, representation())
    (recording.person.folder / "person").unlink()
    with pytest.raises(TrainingError, match="person: does not exist"):
        index(root)


def test_a_sensor_of_another_size_is_one_line(root: Path) -> None:
    fill(root)
    with pytest.raises(TrainingError, match="sensor: is 16x12, not 20x20"):
        load_dataset("enrolled", root, representation(20, 20))
