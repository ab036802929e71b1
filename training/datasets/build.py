"""From an index to a data set: cut the windows, number everyone, split."""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from models.manifest import Representation
from training.datasets import cache as caches
from training.datasets.cache import Windows
from training.datasets.index import Entry, Index
from training.datasets.packed import Packed
from training.datasets.rows import Rows
from training.datasets.window_set import NO_LABEL, Dataset, Split, WindowSet
from training.datasets.windows import WindowRule
from training.errors import TrainingError

#: Paths in work for each thread: enough to keep it busy, few enough to fit into memory.
_AHEAD = 4
_log = logging.getLogger(__name__)


def _ordered(index: Index) -> Index:
    """Train before test, so that each split is one slice; entries of one path together."""
    order = {split: place for place, split in enumerate(get_args(Split))}
    entries = sorted(
        index.entries, key=lambda entry: (order[entry.split], entry.path, entry.span_us or ())
    )
    return replace(index, entries=tuple(entries))


def _cut(
    index: Index, representation: Representation, rule: WindowRule, jobs: int
) -> Iterator[NDArray[np.uint8]]:
    """The windows of every entry, in order, ``jobs`` files at a time; each tenth is told.

    Threads are enough: decoding, inflating and counting release the interpreter's lock.
    """
    groups: dict[tuple[Split, Path], list[Entry]] = {}
    for entry in index.entries:
        groups.setdefault((entry.split, entry.path), []).append(entry)

    def work(group: list[Entry]) -> Sequence[NDArray[np.uint8]]:
        return index.cut(group[0].path, group, representation, rule)

    waiting = iter(groups.values())
    read = 0
    with ThreadPoolExecutor(jobs) as pool:
        while batch := list(islice(waiting, jobs * _AHEAD)):
            for group, made in zip(batch, pool.map(work, batch), strict=True):
                for _, windows in zip(group, made, strict=True):
                    yield windows
            before, read = read, read + len(batch)
            if 10 * read // len(groups) > 10 * before // len(groups):
                _log.info("%s: %d of %d recordings read", index.root, read, len(groups))


def _numbers(names: list[str], known: Sequence[str]) -> NDArray[np.int64]:
    place = {name: number for number, name in enumerate(known)}
    return np.array([place[name] for name in names], np.int64)


def _check_entries(index: Index) -> None:
    if not index.entries:
        raise TrainingError("lists no recording", source=str(index.root))
    splits: dict[str, Split] = {}
    for entry in index.entries:
        if splits.setdefault(entry.subject, entry.split) != entry.split:
            raise TrainingError(
                "is in both splits", source=str(index.root), field=f"subject {entry.subject}"
            )


def _check_classes(index: Index, split: Split, label: NDArray[np.int64], windows: int) -> None:
    if not windows:
        raise TrainingError("has no window", source=str(index.root), field=f"{split} split")
    present = np.bincount(label[label >= 0], minlength=len(index.labels))
    for name, count in zip(index.labels, present, strict=True):
        if not count:
            raise TrainingError(
                f"has no window in the {split} split",
                source=str(index.root),
                field=f"class {name}",
            )


def _packed(parts: Iterator[NDArray[np.uint8]], source: str) -> Windows:
    """All of ``parts`` in memory, of which no two are there as they are."""
    packed = [Packed(part) for part in parts]
    sizes = sorted({one.shape[2:] for one in packed})
    if len(sizes) > 1:
        told = " and ".join(f"{height}x{width}" for height, width in sizes)
        raise TrainingError(f"has windows of {told}", source=source)
    return Windows(Rows.all_of(packed), np.array([len(one) for one in packed], np.int64))


def _part(windows: NDArray[np.uint8] | Rows, part: slice) -> NDArray[np.uint8] | Rows:
    if isinstance(windows, Rows):
        return windows.chosen(np.arange(len(windows))[part])
    return windows[part]


def build(
    index: Index,
    representation: Representation,
    rule: WindowRule,
    cache: Path | None = None,
    jobs: int | None = None,
) -> Dataset:
    """Cut every recording of ``index`` into windows, or take them from ``cache``.

    Raises :class:`TrainingError` for a recording that is damaged, a subject in both splits,
    a class or split without a window, and a cache of people whose windows are kept in none.
    """
    if representation.kind != "histogram":
        raise TrainingError(
            f"data sets hold histograms, not {representation.kind}", field="representation.kind"
        )
    index = _ordered(index)
    _check_entries(index)
    jobs = jobs or os.cpu_count() or 1
    if cache is None:
        made = _packed(_cut(index, representation, rule, jobs), str(index.root))
    else:
        made = caches.kept(
            cache, index, representation, rule, lambda: _cut(index, representation, rule, jobs)
        )
    subjects = tuple(sorted({entry.subject for entry in index.entries}))
    conditions = tuple(sorted({entry.condition for entry in index.entries}))
    subject = _numbers([entry.subject for entry in index.entries], subjects)
    condition = _numbers([entry.condition for entry in index.entries], conditions)
    label = np.full(len(index.entries), NO_LABEL, np.int64)
    if index.labels:
        label = _numbers([entry.label or "" for entry in index.entries], index.labels)
    recording = np.repeat(np.arange(len(index.entries)), made.counts)
    is_train = np.array([entry.split == "train" for entry in index.entries], bool)[recording]
    trained = int(is_train.sum())

    def split_set(name: Split, part: slice) -> WindowSet:
        chosen = recording[part]
        _check_classes(index, name, label[chosen], len(chosen))
        return WindowSet(
            _part(made.windows, part), subject[chosen], label[chosen], chosen, condition[chosen]
        )

    return Dataset(
        index.name,
        subjects,
        index.labels,
        conditions,
        split_set("train", slice(None, trained)),
        split_set("test", slice(trained, None)),
        index.notes,
        {
            name: tuple(values[subject] for subject in subjects)
            for name, values in index.attributes.items()
        },
    )
