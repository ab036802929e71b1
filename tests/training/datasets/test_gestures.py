from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.shared_data import shared
from training.datasets.gestures import (
    CLASSES,
    check_checksum,
    check_mapping,
    read_checksums,
    read_trials,
)
from training.errors import TrainingError

HEADER = "class,startTime_usec,endTime_usec\n"


def test_the_published_label_file() -> None:
    trials = read_trials(shared("formats/user01_natural_labels.csv"))
    assert len(trials) == 12
    assert trials[0].label == "hand_clapping"
    assert (trials[0].start_us, trials[0].end_us, trials[0].line) == (53036986, 59508469, 2)
    assert {trial.label for trial in trials} == set(CLASSES)


def test_the_published_mapping_and_checksums() -> None:
    check_mapping(shared("formats/dvsgesture_mapping.csv"))
    sums = read_checksums(shared("formats/dvsgesture_aedat_md5.txt"))
    assert len(sums) == 122
    assert sums["user02_lab.aedat"] == "84c62a8f3336b01f4a2f78c24ad0ea0e"


def test_the_simulator_names_the_same_classes() -> None:
    simulator = pytest.importorskip("training.simulator.gestures")
    assert tuple(simulator.GESTURES) == CLASSES


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: is not `class"),
        ("1,2,3\n", "line 1: is not `class"),
        (HEADER, "lists no trial"),
        (HEADER + "1,5,9\n2,9\n", "line 3: is not three whole numbers"),
        (HEADER + "1,-5,9\n", "line 2: is not three whole numbers"),
        (HEADER + "1,5,9.5\n", "line 2: is not three whole numbers"),
        (HEADER + "12,5,9\n", "line 2: class is not 1 to 11"),
        (HEADER + "0,5,9\n", "line 2: class is not 1 to 11"),
        (HEADER + "1,9,9\n", "line 2: ends before it starts"),
    ],
)
def test_what_is_wrong_with_a_label_file_is_one_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(TrainingError) as caught:
        read_trials(path)
    assert str(caught.value).startswith(f"{path}: {problem}")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120))
def test_any_bytes_are_read_or_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "table"
    for start in (b"", HEADER.encode(), b"action,label\n"):
        path.write_bytes(start + text)
        for read in (read_trials, check_mapping, read_checksums):
            try:
                read(path)
            except TrainingError as error:
                assert str(error).startswith(str(path))


def test_a_mapping_to_other_classes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gesture_mapping.csv"
    path.write_text("action,label\nhand_clapping,1\nright_hand_wave,3\n")
    with pytest.raises(TrainingError, match="line 3: is no class"):
        check_mapping(path)


def test_a_wrong_checksum_names_both(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    check_checksum(path, "900150983cd24fb0d6963f7d28e17f72")
    with pytest.raises(TrainingError, match="MD5: is 900150983cd24fb0d6963f7d28e17f72, publ"):
        check_checksum(path, "0" * 32)
