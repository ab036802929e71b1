"""Synthetic recordings of ``anonynoise simulate``.

::

    ROOT/labels.csv          path,subject,label,lighting,split
    ROOT/...                 the recordings, AEDAT4 or npz with columns t, x, y, p
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.manifest import Representation
from training.datasets.event_file import naming, read_events
from training.datasets.index import Entry, Index, missing
from training.datasets.window_set import Split
from training.datasets.windows import WindowRule, cut_windows
from training.errors import TrainingError

LABELS = "labels.csv"
COLUMNS = ("path", "subject", "label", "lighting", "split")


def _cut(
    path: Path, entries: Sequence[Entry], representation: Representation, rule: WindowRule
) -> list[NDArray[np.uint8]]:
    packets, sensor = read_events(path, representation)
    with naming(path):
        windows = cut_windows(packets, representation.window_spec(sensor), rule)
    return [windows for _ in entries]


def _entry(root: Path, row: list[str], field: str) -> Entry:
    source = str(root / LABELS)
    if len(row) != len(COLUMNS) or not all(row):
        raise TrainingError(f"is not `{','.join(COLUMNS)}`", source=source, field=field)
    relative, subject, label, lighting, split = row
    if split not in ("train", "test"):
        raise TrainingError("split is neither train nor test", source=source, field=field)
    path = root / relative
    if Path(relative).is_absolute() or ".." in Path(relative).parts:
        raise TrainingError("path leads out of the folder", source=source, field=field)
    if not path.is_file():
        raise TrainingError(f"{relative} is not there", source=source, field=field)
    known: Split = "train" if split == "train" else "test"
    return Entry(path, subject, label, lighting, known)


def index(root: Path) -> Index:
    """What ``ROOT/labels.csv`` lists; classes in the order of their first row.

    Raises :class:`TrainingError` naming the line that is wrong.
    """
    source = root / LABELS
    if not source.is_file():
        raise missing(
            root,
            "simulated recordings",
            "`anonynoise simulate ROOT --scene gesture --subjects 29`",
            f"it must hold {LABELS} with {','.join(COLUMNS)} and the files that it lists",
        )
    try:
        with source.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, ValueError, csv.Error):
        raise TrainingError("is no readable CSV file", source=str(source)) from None
    if not rows or tuple(rows[0]) != COLUMNS:
        raise TrainingError(f"is not `{','.join(COLUMNS)}`", source=str(source), field="line 1")
    entries: dict[Path, Entry] = {}
    for number, row in enumerate(rows[1:], start=2):
        entry = _entry(root, row, f"line {number}")
        if entry.path in entries:
            raise TrainingError("is listed twice", source=str(source), field=f"line {number}")
        entries[entry.path] = entry
    labels = tuple(dict.fromkeys(entry.label for entry in entries.values() if entry.label))
    notes = ("The recordings are synthetic.",)
    return Index("simulated", root, tuple(entries.values()), labels, _cut, notes)
