from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.datasets.makers import representation, sequence
from training.datasets import load_dataset
from training.datasets.see import EMOTIONS, index
from training.errors import TrainingError

SIZE = representation(16, 24, window_us=200_000)


def _people(root: Path, count: int = 22, frames: int = 2) -> Path:
    """People 1 to ``count``; the first two have one sequence more than the others."""
    number = 0
    for subject in range(1, count + 1):
        for emotion in EMOTIONS:
            for _ in range(2 if subject <= 2 and emotion == "angry" else 1):
                number += 1
                sequence(root, subject, emotion, number, frames, seed=number)
    return root


def test_the_twenty_with_the_fewest_sequences_are_the_test(tmp_path: Path) -> None:
    found = load_dataset("see", _people(tmp_path), SIZE, "whole")
    assert found.labels == EMOTIONS
    assert found.conditions == ("normal",)
    trained = {found.subjects[subject] for subject in found.train.subject}
    assert trained == {"001", "002"}
    assert len(found.train) == 16 and len(found.test) == 140
    for subject in np.unique(found.test.subject):
        labels = found.test.label[found.test.subject == subject]
        assert sorted(labels) == list(range(7))


def test_a_test_person_has_one_sequence_an_emotion(tmp_path: Path) -> None:
    root = _people(tmp_path)
    for number, subject in enumerate(range(1, 23), start=900):
        sequence(root, subject, "fear", number, frames=2)
    entries = index(root).entries
    assert sum(entry.split == "test" for entry in entries) == 140
    assert sum(entry.split == "train" for entry in entries) == 18


def test_people_without_every_emotion_are_left_out(tmp_path: Path) -> None:
    root = _people(tmp_path)
    for emotion in EMOTIONS[:6]:
        sequence(root, 99, emotion, 900 + len(emotion))
    found = load_dataset("see", root, SIZE, "whole")
    assert "099" not in found.subjects
    assert found.notes == ("1 of 23 people do not show every emotion and are left out.",)


def test_bright_is_on_dark_is_off_and_frames_fall_into_bins(tmp_path: Path) -> None:
    root = _people(tmp_path)
    (path,) = (root / "event" / "fear").glob("*_022_*")
    for frame in path.iterdir():
        frame.unlink()
    for number in range(7):
        picture = np.full((16, 24), 128, np.uint8)
        picture[:8, :8] = 255
        picture[8:, 16:] = 0
        if number == 6:
            picture[:8, 8:16] = 230
        Image.fromarray(picture).save(path / f"{number:05d}.jpg", quality=90)
    found = load_dataset("see", root, SIZE, "whole")
    chosen = found.test.label == EMOTIONS.index("fear")
    chosen &= found.test.subject == found.subjects.index("022")
    (window,) = found.test.windows[chosen]
    off, on = window[0::2], window[1::2]
    np.testing.assert_array_equal(on[:, 0, 0], [1, 1, 2, 1, 2])
    np.testing.assert_array_equal(off[:, 15, 23], [1, 1, 2, 1, 2])
    np.testing.assert_array_equal(on[:, 0, 15], [0, 0, 0, 0, 1])
    assert not off[:, :8].any() and not on[:, 8:].any()


def test_live_windows_are_the_frames_that_fit(tmp_path: Path) -> None:
    root = _people(tmp_path, frames=5)
    size = representation(16, 24, window_us=70_000)
    live, whole = (load_dataset("see", root, size, rule) for rule in ("live", "whole"))  # type: ignore[arg-type]
    assert len(live.test) == 2 * len(whole.test)
    dark = slice(None), slice(None), slice(None, 8), slice(16, None)
    assert set(np.asarray(live.test.windows)[dark].sum(axis=(1, 2, 3))) == {2 * 64}
    assert set(np.asarray(whole.test.windows)[dark].sum(axis=(1, 2, 3))) == {5 * 64}


def test_frames_are_resized_to_the_representation(tmp_path: Path) -> None:
    found = load_dataset("see", _people(tmp_path), representation(8, 12), "whole")
    assert found.train.windows.shape[2:] == (8, 12)
    assert load_dataset("see", tmp_path, representation(None, None), "whole").train.windows.shape[
        2:
    ] == (16, 24)


def test_too_few_people_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="has 20 people with all emotions; 20 are only"):
        index(_people(tmp_path, 20))


def test_names_must_be_those_of_the_data_set(tmp_path: Path) -> None:
    path = sequence(tmp_path, 1, "fear", 1)
    path.rename(path.with_name("1_001_man_fear"))
    with pytest.raises(TrainingError, match="1_001_man_fear: name: is not NUMBER_ID_SEX"):
        index(tmp_path)
    (path.parent / "1_001_man_fear").rename(path.with_name(path.name.replace("fear", "angry")))
    with pytest.raises(TrainingError, match="name: is not the emotion of its folder"):
        index(tmp_path)


def test_neutral_is_spelt_with_a_capital_letter(tmp_path: Path) -> None:
    root = _people(tmp_path)
    (root / "event" / "neutral").rename(root / "event" / "neutraL")
    assert len(index(root).entries) == 156


@pytest.mark.parametrize("damage", ["not a picture", "empty", "size", "no frame"])
def test_a_damaged_frame_is_named(tmp_path: Path, damage: str) -> None:
    root = _people(tmp_path)
    folder = sorted((root / "event" / "fear").iterdir())[0]
    frame = folder / "00001.jpg"
    if damage == "no frame":
        for path in folder.iterdir():
            path.unlink()
    elif damage == "size":
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(frame)
    else:
        frame.write_bytes(b"" if damage == "empty" else b"\xff\xd8\xff\xe0 no more")
    with pytest.raises(TrainingError) as caught:
        load_dataset("see", root, SIZE, "whole")
    named = folder if damage == "no frame" else frame
    assert str(caught.value).startswith(f"{named}: ")
