"""The classes of DVS-Gesture and the tables beside its recordings.

Source: Amir et al., "A Low Power, Fully Event-Based Gesture Recognition System", CVPR 2017, and
the files that come with the recordings (CC BY 4.0, IBM Research).
"""

import csv
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from training.errors import TrainingError

#: Class ``n`` of a label file is number ``n - 1`` here.
CLASSES = (
    "hand_clapping",
    "right_hand_wave",
    "left_hand_wave",
    "right_arm_clockwise",
    "right_arm_counter_clockwise",
    "left_arm_clockwise",
    "left_arm_counter_clockwise",
    "arm_roll",
    "air_drums",
    "air_guitar",
    "other_gestures",
)
#: ``MD5 NAME`` a line, from the authors.
CHECKSUMS = "dvsgesture_aedat_md5.txt"

_TRIAL_COLUMNS = ["class", "startTime_usec", "endTime_usec"]
_MAPPING_COLUMNS = ["action", "label"]
_MD5 = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Trial:
    """One gesture: events with ``start_us <= t < end_us``; ``line`` of the file that says so."""

    label: str
    start_us: int
    end_us: int
    line: int


def _rows(path: Path, columns: list[str]) -> list[list[str]]:
    """The lines of a CSV file below the header ``columns``; numbers must be whole."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
    except (ValueError, csv.Error):
        raise TrainingError("is no readable CSV file", source=str(path)) from None
    if not rows or rows[0] != columns:
        raise TrainingError(f"is not `{','.join(columns)}`", source=str(path), field="line 1")
    return rows[1:]


def _whole(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else -1


def read_trials(path: Path) -> tuple[Trial, ...]:
    """The trials in a ``userXX_LIGHTING_labels.csv``.

    Raises :class:`TrainingError` naming the line that is wrong.
    """
    trials = []
    for number, row in enumerate(_rows(path, _TRIAL_COLUMNS), start=2):
        field = f"line {number}"
        if len(row) != len(_TRIAL_COLUMNS) or min(numbers := [*map(_whole, row)]) < 0:
            raise TrainingError("is not three whole numbers", source=str(path), field=field)
        label, start_us, end_us = numbers
        if not 1 <= label <= len(CLASSES):
            raise TrainingError(f"class is not 1 to {len(CLASSES)}", source=str(path), field=field)
        if start_us >= end_us:
            raise TrainingError("ends before it starts", source=str(path), field=field)
        trials.append(Trial(CLASSES[label - 1], start_us, end_us, number))
    if not trials:
        raise TrainingError("lists no trial", source=str(path))
    return tuple(trials)


def check_mapping(path: Path) -> None:
    """Check that a ``gesture_mapping.csv`` numbers the classes as :data:`CLASSES` does.

    Raises :class:`TrainingError` if it does not.
    """
    for number, row in enumerate(_rows(path, _MAPPING_COLUMNS), start=2):
        place = _whole(row[1]) if len(row) == len(_MAPPING_COLUMNS) else -1
        if not 1 <= place <= len(CLASSES) or CLASSES[place - 1] != row[0]:
            raise TrainingError(
                "is no class of DVS-Gesture", source=str(path), field=f"line {number}"
            )


def read_checksums(path: Path) -> dict[str, str]:
    """File name to MD5 sum. Raises :class:`TrainingError` naming the line that is wrong."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise TrainingError("is no readable text", source=str(path)) from None
    sums = {}
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if len(parts) != 2 or not _MD5.fullmatch(parts[0]):
            raise TrainingError("is not `MD5 NAME`", source=str(path), field=f"line {number}")
        sums[parts[1]] = parts[0]
    return sums


def check_checksum(path: Path, expected: str) -> None:
    """Raise :class:`TrainingError` unless the file's MD5 sum is ``expected``."""
    try:
        with path.open("rb") as file:
            # The authors' sums are MD5; they tell a bad download, not an attack.
            found = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
    if found.hexdigest() != expected:
        raise TrainingError(
            f"is {found.hexdigest()}, published is {expected}", source=str(path), field="MD5"
        )
