from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.recording import open_recording
from tests.training.datasets.makers import representation, simulated
from training.datasets import load_dataset
from training.datasets.simulated import index
from training.errors import TrainingError

HEADER = "path,subject,label,lighting,split\n"


def test_npz_and_aedat4_give_the_same_windows(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    before = load_dataset("simulated", root, representation())
    for path in root.glob("*.aedat4"):
        recorded = np.concatenate(list(open_recording(path).packets()))
        columns = {name: recorded[name] for name in "txyp"}
        np.savez(path.with_suffix(".npz"), **columns)
    labels = root / "labels.csv"
    labels.write_text(labels.read_text().replace(".aedat4", ".npz"))
    after = load_dataset("simulated", root, representation())
    np.testing.assert_array_equal(before.train.windows, after.train.windows)
    np.testing.assert_array_equal(before.test.windows, after.test.windows)


def test_classes_are_in_the_order_of_the_labels(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data", labels=3)
    labels = root / "labels.csv"
    labels.write_text(labels.read_text().replace("class-0", "wave").replace("class-2", "arm"))
    assert index(root).labels == ("wave", "class-1", "arm")
    assert "synthetic" in index(root).notes[0]


def test_recordings_laid_out_like_them_are_not_called_synthetic(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    (root / "simulation.json").unlink()
    assert index(root).notes == ()
    assert index(root).name == "labelled"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: is not `path,subject"),
        ("path,subject\n", "line 1: is not `path,subject"),
        (HEADER + "a.npz,s,l,i,train,more\n", "line 2: is not"),
        (HEADER + "a.npz,s,l,i,train\n", "line 2: a.npz is not there"),
        (HEADER + "0-0-0.aedat4,s,l,i,train\n0-0-1.aedat4,s,,i,test\n", "line 3: is not"),
        (HEADER + "0-0-0.aedat4,s,l,i,validation\n", "line 2: split is neither"),
        (HEADER + "../data/0-0-0.aedat4,s,l,i,train\n", "line 2: path leads out"),
        (HEADER + "/etc/passwd,s,l,i,train\n", "line 2: path leads out"),
        (HEADER + "0-0-0.aedat4,s,l,i,train\n0-0-0.aedat4,s,l,i,test\n", "line 3: is listed twice"),
        (HEADER + '"0-0-0.aedat4,s,l,i,train\n', "is no readable CSV"),
    ],
)
def test_what_is_wrong_with_the_labels_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    root = simulated(tmp_path / "data")
    (root / "labels.csv").write_text(text)
    with pytest.raises(TrainingError) as caught:
        index(root)
    assert str(caught.value).startswith(f"{root / 'labels.csv'}: ")
    assert problem in str(caught.value)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_labels_are_read_or_refused(tmp_path: Path, text: bytes) -> None:
    for start in (b"", HEADER.encode()):
        (tmp_path / "labels.csv").write_bytes(start + text)
        try:
            assert index(tmp_path).entries == ()
        except TrainingError as error:
            assert str(tmp_path) in str(error)


def test_properties_of_people_come_along(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    plain = load_dataset("simulated", root, representation(), cache=tmp_path / "cache")
    assert plain.attributes == {}
    rows = [
        f"{subject},{'left' if i else 'right'},a{i}" for i, subject in enumerate(plain.subjects)
    ]
    # In any order, and of more people than there are recordings of.
    text = "\n".join(["subject,handedness,size", "nobody,left,b", *reversed(rows)])
    (root / "subjects.csv").write_text(text + "\n")
    told = load_dataset("simulated", root, representation(), cache=tmp_path / "cache")
    others = len(told.subjects) - 1
    assert told.attributes == {
        "handedness": ("right", *("left",) * others),
        "size": tuple(f"a{i}" for i in range(others + 1)),
    }
    # Windows are what they were, and cut once.
    np.testing.assert_array_equal(plain.test.windows, told.test.windows)
    assert len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: is not `subject,PROPERTY,...`"),
        ("person,size\n", "line 1: is not `subject,PROPERTY,...`"),
        ("subject,size,size\n", "line 1: is not `subject,PROPERTY,...`"),
        ("subject,Size!\n", "line 1: is not `subject,PROPERTY,...`"),
        (
            "subject,size,condition\na,s,led\n",
            "property condition: is a name of the data set's own",
        ),
        ("subject,label\na,wave\n", "property label: is a name of the data set's own"),
        ("subject,recording\na,1\n", "property recording: is a name of the data set's own"),
        ("subject,size\na\n", "line 2: is not `subject,size`"),
        ("subject,size\na,\n", "line 2: is not `subject,size`"),
        ("subject,size\na,s\na,m\n", "line 3: a is listed twice"),
        ("subject,size\na,s\n", "is missing"),
        ('subject,size\n"a,s\n', "is no readable CSV"),
    ],
)
def test_what_is_wrong_with_the_properties_is_one_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    root = simulated(tmp_path / "data")
    (root / "subjects.csv").write_text(text)
    with pytest.raises(TrainingError) as caught:
        index(root)
    assert str(caught.value).startswith(f"{root / 'subjects.csv'}: ")
    assert problem in str(caught.value)


def test_a_damaged_recording_is_named(tmp_path: Path) -> None:
    root = simulated(tmp_path / "data")
    (root / "1-0-0.aedat4").write_bytes(b"#!AER-DAT4.0\r\n" + b"\xff" * 40)
    with pytest.raises(TrainingError, match=r"1-0-0\.aedat4: offset \d+"):
        load_dataset("simulated", root, representation())
