"""What a data set consists of, before any event is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.manifest import Representation
from training.datasets.window_set import Split
from training.datasets.windows import WindowRule
from training.errors import TrainingError


@dataclass(frozen=True)
class Entry:
    """One recording: a file, a folder of frames, or a span of a longer file."""

    path: Path
    subject: str
    #: None where the data set has no task.
    label: str | None
    #: Lighting or camera.
    condition: str
    split: Split
    #: Events with ``start <= t < end`` belong to it; None for all of the file.
    span_us: tuple[int, int] | None = None


#: Cuts all entries of one path; uint8 ``[n, 2T, H, W]`` for each of them.
Cut = Callable[[Path, Sequence[Entry], Representation, WindowRule], Sequence[NDArray[np.uint8]]]


@dataclass(frozen=True)
class Index:
    """Entries of both splits; ``labels`` in the order of the classes."""

    name: str
    root: Path
    entries: tuple[Entry, ...]
    labels: tuple[str, ...]
    cut: Cut
    notes: tuple[str, ...] = ()
    #: Of subjects: name of a property, subject, value. Every subject has all of them.
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Whether its raw windows may lie on a disk in plain text. Every data set must say it.
    cacheable: bool = field(kw_only=True)


def missing(root: Path, name: str, origin: str, layout: str) -> TrainingError:
    """That ``root`` does not hold data set ``name``: where it comes from, how it must look."""
    return TrainingError(f"holds no {name}: get it from {origin}; {layout}", source=str(root))
