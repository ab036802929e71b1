"""Recordings of ``anonynoise simulate``, or others that are laid out like them.

::

    ROOT/simulation.json     how they were made; where it is missing they may show people who live
    ROOT/labels.csv          path,subject,label,lighting,split
    ROOT/subjects.csv        subject and any properties: hair, size, ... (may be missing)
                             but those of recordings: label, lighting, condition, ...
    ROOT/...                 the recordings, AEDAT4 or npz with columns t, x, y, p
"""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.manifest import Representation
from training.datasets.event_file import naming, read_events
from training.datasets.index import Entry, Index, missing
from training.datasets.window_set import Split
from training.datasets.windows import WindowRule, cut_windows
from training.errors import TrainingError
from training.simulator.layout import LABELS, SIMULATION, SUBJECTS

COLUMNS = ("path", "subject", "label", "lighting", "split")
#: A property's name, as reports have it.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
#: What windows are told apart by anyway: a property of that name would be taken for it.
_TAKEN = frozenset({*COLUMNS, "recording", "condition"})


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


def _rows(source: Path) -> list[list[str]]:
    try:
        with source.open(newline="", encoding="utf-8") as file:
            return list(csv.reader(file, strict=True))
    except (OSError, ValueError, csv.Error):
        raise TrainingError("is no readable CSV file", source=str(source)) from None


def _attributes(source: Path, people: Iterable[str]) -> dict[str, dict[str, str]]:
    """Properties of ``people``, where the file is there: name, subject, value."""
    if not source.exists():
        return {}
    rows = _rows(source)
    header = rows[0] if rows else []
    names = header[1:]
    if (
        header[:1] != ["subject"]
        or len(set(header)) < len(header)
        or not all(_NAME.fullmatch(name) for name in names)
    ):
        raise TrainingError("is not `subject,PROPERTY,...`", source=str(source), field="line 1")
    for name in names:
        if name in _TAKEN:
            raise TrainingError(
                f"is a name of the data set's own, as are {', '.join(sorted(_TAKEN - {name}))}",
                source=str(source),
                field=f"property {name}",
            )
    of: dict[str, list[str]] = {}
    for number, row in enumerate(rows[1:], start=2):
        where = f"line {number}"
        if len(row) != len(header) or not all(row):
            raise TrainingError(f"is not `{','.join(header)}`", source=str(source), field=where)
        if row[0] in of:
            raise TrainingError(f"{row[0]} is listed twice", source=str(source), field=where)
        of[row[0]] = row[1:]
    for subject in sorted(people):
        if subject not in of:
            raise TrainingError("is missing", source=str(source), field=f"subject {subject}")
    return {
        name: {subject: of[subject][place] for subject in people}
        for place, name in enumerate(names)
    }


def is_synthetic(root: Path) -> bool:
    """Whether ``root`` says of itself that nobody was recorded for it."""
    return (root / SIMULATION).is_file()


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
    rows = _rows(source)
    if not rows or tuple(rows[0]) != COLUMNS:
        raise TrainingError(f"is not `{','.join(COLUMNS)}`", source=str(source), field="line 1")
    entries: dict[Path, Entry] = {}
    for number, row in enumerate(rows[1:], start=2):
        entry = _entry(root, row, f"line {number}")
        if entry.path in entries:
            raise TrainingError("is listed twice", source=str(source), field=f"line {number}")
        entries[entry.path] = entry
    labels = tuple(dict.fromkeys(entry.label for entry in entries.values() if entry.label))
    synthetic = is_synthetic(root)
    notes = ("The recordings are synthetic.",) if synthetic else ()
    people = {entry.subject for entry in entries.values()}
    attributes = _attributes(root / SUBJECTS, people)
    return Index(
        "simulated" if synthetic else "labelled",
        root,
        tuple(entries.values()),
        labels,
        _cut,
        notes,
        attributes,
        cacheable=True,
    )
