"""DVS-Gesture: 29 people, 11 gestures, in the authors' files or as arrays.

::

    ROOT/[DvsGesture/]user01_natural.aedat           AEDAT 3.1, a session of all gestures
    ROOT/[DvsGesture/]user01_natural_labels.csv      class,startTime_usec,endTime_usec
    ROOT/[DvsGesture/]trials_to_{train,test}.txt     optional: the files of each split
    ROOT/[DvsGesture/]gesture_mapping.csv            optional: action,label
    ROOT/[DvsGesture/]dvsgesture_aedat_md5.txt       optional: MD5 NAME

    ROOT/ibmGesture{Train,Test}/user01_natural/0.npy     columns x, y, p, t of one gesture

The official split: users 1 to 23 train, 24 to 29 test. A recording here is one gesture.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from events.packet import Packet, SensorSize, packet
from models.manifest import Representation
from training.datasets.event_file import joined, load_arrays, naming, own_sensor, read_events
from training.datasets.gestures import (
    CHECKSUMS,
    CLASSES,
    check_checksum,
    check_mapping,
    read_checksums,
    read_trials,
)
from training.datasets.index import Entry, Index, missing
from training.datasets.window_set import Split
from training.datasets.windows import WindowRule, cut_windows
from training.errors import TrainingError

NAME = "dvs_gesture"
_DVS128 = SensorSize(128, 128)
_LAST_TRAIN_USER = 23
_SESSION = re.compile(r"(user\d\d)_([a-z_]+)")
_ARRAYS: dict[str, Split] = {"ibmGestureTrain": "train", "ibmGestureTest": "test"}
_LISTS: dict[str, Split] = {"trials_to_train.txt": "train", "trials_to_test.txt": "test"}
#: A gesture lasts seconds: a span of fewer units than this is in milliseconds.
_SHORTEST_US = 100_000


def _session(path: Path) -> tuple[str, str]:
    """Subject and lighting of ``user01_natural``."""
    found = _SESSION.fullmatch(path.stem)
    if not found:
        raise TrainingError("is not userXX_LIGHTING", source=str(path), field="name")
    return found[1], found[2]


def _cut_session(
    path: Path, entries: Sequence[Entry], representation: Representation, rule: WindowRule
) -> list[NDArray[np.uint8]]:
    table = path.parent / CHECKSUMS
    if table.is_file() and (expected := read_checksums(table).get(path.name)):
        check_checksum(path, expected)
    packets, sensor = read_events(path, representation)
    events = joined(path, packets)
    with naming(path):
        return [
            cut_windows(_trial(path, events, entry), representation.window_spec(sensor), rule)
            for entry in entries
        ]


def _trial(path: Path, events: Packet, entry: Entry) -> list[Packet]:
    assert entry.span_us
    start_us, end_us = entry.span_us
    t = events["t"]
    chosen = events[(t >= start_us) & (t < end_us)]
    if not len(chosen):
        raise TrainingError(
            f"the label file has a trial at {start_us} us, the recording no event there",
            source=str(path),
        )
    return [chosen]


def _split(sessions: Path, recordings: list[Path]) -> dict[Path, Split]:
    """The split of every recording: as the lists say where they are there, else the official."""
    if not any((sessions / name).is_file() for name in _LISTS):
        official: dict[Path, Split] = {
            path: "train" if int(_session(path)[0][4:]) <= _LAST_TRAIN_USER else "test"
            for path in recordings
        }
        return official
    found: dict[Path, Split] = {}
    for name, split in _LISTS.items():
        try:
            lines = (sessions / name).read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            raise TrainingError("is no readable text", source=str(sessions / name)) from None
        for line in lines:
            if sessions / line not in recordings:
                raise TrainingError(f"{line} is not there", source=str(sessions / name))
            found[sessions / line] = split
    return found


def _sessions(sessions: Path, recordings: list[Path]) -> Index:
    mapping = sessions / "gesture_mapping.csv"
    if mapping.is_file():
        check_mapping(mapping)
    entries = []
    splits = _split(sessions, recordings)
    for path, split in splits.items():
        subject, lighting = _session(path)
        labels = path.with_name(f"{path.stem}_labels.csv")
        for trial in read_trials(labels):
            span_us = trial.start_us, trial.end_us
            entries.append(Entry(path, subject, trial.label, lighting, split, span_us))
    table = sessions / CHECKSUMS
    listed = read_checksums(table) if table.is_file() else {}
    known = sum(path.name in listed for path in splits)
    note = f"{known} of {len(splits)} recordings have the published MD5 sum"
    notes = (f"{note}.",)
    return Index(NAME, sessions, tuple(entries), CLASSES, _cut_session, notes, cacheable=True)


def _arrays(path: Path) -> Iterable[Packet]:
    """Events of a gesture as one array with columns x, y, p, t, in milli- or microseconds."""
    array: Any = load_arrays(path)
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.shape[1] != 4:
        raise TrainingError("is no array of x, y, p, t", source=str(path))
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all() or (array < 0).any():
        raise TrainingError("holds what is no event", source=str(path))
    x, y, p, t = array.T
    if not len(array) or max(x.max(), y.max()) >= _DVS128.width:
        raise TrainingError("has no event, or one outside 128x128", source=str(path))
    scale = 1000 if t.max() - t.min() < _SHORTEST_US else 1
    return [packet(t.astype(np.int64) * scale, x, y, p > 0)]


def _cut_arrays(
    path: Path, entries: Sequence[Entry], representation: Representation, rule: WindowRule
) -> list[NDArray[np.uint8]]:
    sensor = own_sensor(path, _DVS128, representation)
    with naming(path):
        windows = cut_windows(_arrays(path), representation.window_spec(sensor), rule)
    return [windows for _ in entries]


def _array_entry(path: Path, split: Split) -> Entry:
    subject, lighting = _session(path.parent)
    if not path.stem.isdecimal() or int(path.stem) >= len(CLASSES):
        raise TrainingError("is no class, 0 to 10", source=str(path), field="name")
    return Entry(path, subject, CLASSES[int(path.stem)], lighting, split)


def index(root: Path) -> Index:
    """The gestures below ``root``, in either layout. Raises :class:`TrainingError`."""
    for sessions in (root, root / "DvsGesture"):
        if recordings := sorted(sessions.glob("user*.aedat")):
            return _sessions(sessions, recordings)
    entries = tuple(
        _array_entry(path, split)
        for folder, split in _ARRAYS.items()
        for path in sorted((root / folder).glob("*/*.npy"))
    )
    if not entries:
        raise missing(
            root,
            "DVS-Gesture",
            "https://research.ibm.com/interactive/dvsgesture/",
            "it must hold userXX_LIGHTING.aedat with userXX_LIGHTING_labels.csv, "
            "or ibmGestureTrain and ibmGestureTest with userXX_LIGHTING/CLASS.npy",
        )
    notes = ("MD5 sums are not known of arrays.",)
    return Index(NAME, root, entries, CLASSES, _cut_arrays, notes, cacheable=True)
