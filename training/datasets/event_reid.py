"""Event-ReId: people walking past four cameras of 640x480.

::

    ROOT/train_list.txt                      `path id` a line; also query_ and gallery_list.txt
    ROOT/train/001_c1_048.txt                `t x y p` a line, t in milliseconds

The files are those of the authors' ``event_partition.py`` and ``split_train_test.py``; events
outside the person's box are removed already. A file's events are cropped to their box, put in
the middle of zeros to the shape of the window, and resized to it, 304x304 unless the
representation says otherwise (:mod:`training.datasets.resize`).

A file is one window of 33.3 ms, as the authors cut it, whatever the rule for windows. (The times
in the public sample run ten times as fast as milliseconds: its files span 333 of their units.)

Source: Ahmad et al., "Person Re-Identification without Identification via Event Anonymization",
ICCV 2023; its data/README.md, also for the people of the test.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from events.packet import SensorSize
from events.recording import open_recording
from models.manifest import Representation
from training.datasets.event_file import joined, naming
from training.datasets.index import Entry, Index, missing
from training.datasets.resize import pad_to_shape, resize_counts
from training.datasets.window_set import Split
from training.datasets.windows import WindowRule, saturated, whole_window
from training.errors import TrainingError

_SENSOR = SensorSize(640, 480)
_SIDE = 304
#: Every third person, from the second on, is in the test.
_TEST_PEOPLE = frozenset(range(2, 33, 3))
_LISTS = ("train_list.txt", "gallery_list.txt", "query_list.txt")
_NAME = re.compile(r"(\d+)_c(\d+)_\d+")


def _cut(
    path: Path, entries: Sequence[Entry], representation: Representation, _: WindowRule
) -> list[NDArray[np.uint8]]:
    height, width = representation.height or _SIDE, representation.width or _SIDE
    with naming(path):
        recording = open_recording(path, time_unit="ms")
    events = joined(path, recording.packets())
    if events["x"].max() >= _SENSOR.width or events["y"].max() >= _SENSOR.height:
        raise TrainingError("holds an event outside 640x480", source=str(path))
    for axis in "xy":
        events[axis] -= events[axis].min()
    box = SensorSize(int(events["x"].max()) + 1, int(events["y"].max()) + 1)
    with naming(path):
        window = whole_window([events], representation.window_spec(box))[0]
    person = resize_counts(pad_to_shape(window, height, width).astype(np.uint16), height, width)
    return [saturated(person)[None] for _ in entries]


def _listed(root: Path, name: str) -> list[tuple[Path, str]]:
    """File and person of every line of a list; the file's name must say the same person."""
    source = str(root / name)
    try:
        lines = (root / name).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        raise TrainingError("is no readable text", source=source) from None
    found = []
    for number, line in enumerate(lines, start=1):
        field = f"line {number}"
        parts = line.split()
        if len(parts) != 2:
            raise TrainingError("is not `path id`", source=source, field=field)
        path, person = root / parts[0], parts[1]
        if ".." in path.parts or not path.is_file():
            raise TrainingError("names a file that is not there", source=source, field=field)
        named = _NAME.fullmatch(path.stem)
        if not named or not person.isdecimal() or int(named[1]) != int(person):
            raise TrainingError(
                "id is not that of the file's name, ID_cCAMERA_INDEX.txt",
                source=source,
                field=field,
            )
        found.append((path, f"c{named[2]}"))
    return found


def _index(root: Path, name: str, in_test: Callable[[int], bool]) -> Index:
    lists = [listed for listed in _LISTS if (root / listed).is_file()]
    if not lists:
        raise missing(
            root,
            "Event-ReId",
            "https://github.com/IIT-PAVIS/ReId_without_Id",
            f"it must hold {_LISTS[0]} (`path id` a line) and the ID_cCAMERA_INDEX.txt it lists",
        )
    entries = {}
    for path, camera in (item for listed in lists for item in _listed(root, listed)):
        person = int(path.name.split("_")[0])
        split: Split = "test" if in_test(person) else "train"
        entries[path] = Entry(path, f"{person:03d}", None, camera, split)
    notes = []
    for part in ("train", "test"):
        chosen = [entry for entry in entries.values() if entry.split == part]
        people = len({entry.subject for entry in chosen})
        notes.append(f"{part}: {len(chosen)} files of {people} people.")
    return Index(name, root, tuple(entries.values()), (), _cut, tuple(notes), cacheable=True)


def index(root: Path) -> Index:
    """The authors' split: 22 people train, 11 test. Raises :class:`TrainingError`."""
    return _index(root, "event_reid", _TEST_PEOPLE.__contains__)


def index_even(root: Path) -> Index:
    """People with even numbers are the test: with :func:`index_odd`, two folds.

    For a few files, of which the authors' split would leave hardly a person to look for: over
    both folds every file is once in the test. Raises :class:`TrainingError`.
    """
    return _index(root, "event_reid_even", lambda person: person % 2 == 0)


def index_odd(root: Path) -> Index:
    """People with odd numbers are the test; see :func:`index_even`."""
    return _index(root, "event_reid_odd", lambda person: person % 2 == 1)
