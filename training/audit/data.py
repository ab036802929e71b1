"""The recordings that an audit attacks: one folder or several, as one data set."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.manifest import Representation
from training.datasets.load import load_dataset
from training.datasets.rows import Rows
from training.datasets.simulated import is_synthetic
from training.datasets.window_set import Dataset, WindowSet
from training.enrolment.secret import secret_from_environment
from training.enrolment.session import Session, check_deletable_after_use, delete_after_use
from training.enrolment.session_folder import SESSION
from training.errors import TrainingError


def load(
    folders: Sequence[Path], representation: Representation, cache: Path | None
) -> tuple[Dataset, bool]:
    """The windows below ``folders``, cut as ``representation`` says, and if all are synthetic.

    A folder is one of ``anonynoise simulate``, one that is laid out like it, or a session of
    ``anonynoise enrol``. Only of the first anything goes to ``cache``: whatever does not say that
    it was simulated may show people. Raises :class:`TrainingError` for a folder that is none of
    these, and where the folders have different tasks.
    """
    sets = [
        load_dataset("enrolled", folder, representation)
        if enrolled(folder)
        else load_dataset(
            "simulated", folder, representation, "live", cache if is_synthetic(folder) else None
        )
        for folder in folders
    ]
    for one, folder in zip(sets, folders, strict=True):
        if not set(one.labels) <= set(sets[0].labels):
            raise TrainingError(
                f"has another task than {folders[0]}", source=str(folder), field="label"
            )
    return joined(sets), all(is_synthetic(folder) and not enrolled(folder) for folder in folders)


def enrolled(folder: Path) -> bool:
    """Whether ``folder`` holds people who were recorded."""
    return (folder / SESSION).is_file()


def check_forgettable(folders: Sequence[Path]) -> None:
    """Raises :class:`TrainingError` for a session among ``folders`` that :func:`forget` would not.

    Else people's recordings would be attacked night after night, and stay.
    """
    for folder in filter(enrolled, folders):
        check_deletable_after_use(Session.open(folder, secret_from_environment()))


def forget(folder: Path) -> bool:
    """Delete the session ``folder`` after its use, unless it was begun to be kept; was it?

    Raises :class:`TrainingError`.
    """
    return delete_after_use(Session.open(folder, secret_from_environment()))


def joined(sets: Sequence[Dataset]) -> Dataset:
    """Several data sets as one; people of different sets are different people.

    The labels of the others are among those of the first. Of the people's properties, those stay
    that every set tells; the notes say which are left out.
    """
    first = sets[0]
    if len(sets) == 1:
        return first
    conditions = tuple(sorted({name for one in sets for name in one.conditions}))
    parts: dict[str, list[WindowSet]] = {"train": [], "test": []}
    people = recordings = 0
    for one in sets:
        place = np.array([conditions.index(name) for name in one.conditions], np.int64)
        label = np.array([first.labels.index(name) for name in one.labels], np.int64)
        for name, split in (("train", one.train), ("test", one.test)):
            parts[name].append(
                replace(
                    split,
                    subject=split.subject + people,
                    recording=split.recording + recordings,
                    label=label[split.label] if one.labels else split.label,
                    condition=place[split.condition],
                )
            )
        people += len(one.subjects)
        recordings += 1 + max(int(s.recording.max(initial=0)) for s in (one.train, one.test))
    attributes = {
        name: tuple(value for one in sets for value in one.attributes[name])
        for name in first.attributes
        if all(name in one.attributes for one in sets)
    }
    left_out = sorted({name for one in sets for name in one.attributes} - set(attributes))
    notes = dict.fromkeys(note for one in sets for note in one.notes)
    if left_out:
        notes[f"Not told of everybody, so left out: {', '.join(left_out)}."] = None
    return replace(
        first,
        name="+".join(dict.fromkeys(one.name for one in sets)),
        subjects=tuple(f"{i}/{name}" for i, one in enumerate(sets) for name in one.subjects),
        conditions=conditions,
        train=concatenated(parts["train"]),
        test=concatenated(parts["test"]),
        notes=tuple(notes),
        attributes=attributes,
    )


def concatenated(sets: Sequence[WindowSet]) -> WindowSet:
    """The windows of ``sets``, one set after the other."""

    def column(name: str) -> NDArray[np.int64]:
        return np.concatenate([getattr(one, name) for one in sets])

    return WindowSet(
        windows=Rows.all_of([one.windows for one in sets]),
        subject=column("subject"),
        label=column("label"),
        recording=column("recording"),
        condition=column("condition"),
    )
