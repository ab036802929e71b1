"""Recordings of ``anonynoise enrol``, decrypted in memory.

::

    ROOT/session.json, ROOT/PERSON/...      see :mod:`training.enrolment.session`

The key comes from the environment (:mod:`training.enrolment.secret`). People go by the random
names of their folders: who they are is nothing that results could need.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from events.packet import SensorSize
from models.errors import ModelError
from models.manifest import Representation
from training.datasets.event_file import naming, own_sensor
from training.datasets.gestures import CLASSES
from training.datasets.index import Entry, Index, missing
from training.datasets.see import EMOTIONS
from training.datasets.windows import WindowRule, cut_windows
from training.enrolment.secret import Secret, secret_from_environment
from training.enrolment.session import Recording, Session
from training.enrolment.session_folder import SESSION
from training.errors import TrainingError


def _cut(
    recordings: dict[Path, Recording],
    path: Path,
    entries: Sequence[Entry],
    representation: Representation,
    rule: WindowRule,
) -> list[NDArray[np.uint8]]:
    recording = recordings[path]
    about = recording.about()
    sensor = own_sensor(path, SensorSize(about.width, about.height), representation)
    with naming(path):
        windows = cut_windows(recording.packets(), representation.window_spec(sensor), rule)
    return [windows for _ in entries]


def _entry(recording: Recording) -> Entry:
    about, person = recording.about(), recording.person
    return Entry(recording.path, person.id, about.label, about.lighting, person.record.split)


def _in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Classes that are known in the order of the shipped models, others by name."""
    shown = set(labels)
    for known in (CLASSES, EMOTIONS):
        if shown.issubset(known):
            return tuple(label for label in known if label in shown)
    return tuple(sorted(shown))


def index(root: Path, secret: Secret | None = None) -> Index:
    """Everyone in the session ``root``. ``secret`` opens it, by default the environment's.

    Raises :class:`TrainingError` for damage, another key, and where there is no session.
    """
    if not (root / SESSION).is_file():
        raise missing(
            root,
            "enrolled people",
            "`anonynoise enrol record URL ROOT`",
            f"it must hold {SESSION} and people's folders, as the command makes them",
        )
    try:
        session = Session.open(root, secret or secret_from_environment())
        found = [one for person in session.people() for one in person.recordings()]
    except ModelError as error:
        raise TrainingError(error.problem, source=error.source, field=error.field) from None
    entries = tuple(_entry(recording) for recording in found)
    labels = _in_order(entry.label for entry in entries if entry.label)
    notes = ("The recordings are of people who consented.",)
    cut = partial(_cut, {recording.path: recording for recording in found})
    return Index("enrolled", root, entries, labels, cut, notes, cacheable=False)
