"""Data sets by name."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from models.manifest import Representation
from training.datasets.build import build
from training.datasets.index import Index
from training.datasets.window_set import Dataset
from training.datasets.windows import WindowRule
from training.errors import TrainingError

#: Name, module and function that lists what lies below a root folder.
_INDEX = MappingProxyType(
    {
        "simulated": "training.datasets.simulated:index",
        "dvs_gesture": "training.datasets.dvs_gesture:index",
        "see": "training.datasets.see:index",
        "event_reid": "training.datasets.event_reid:index",
        "event_reid_even": "training.datasets.event_reid:index_even",
        "event_reid_odd": "training.datasets.event_reid:index_odd",
        "enrolled": "training.datasets.enrolled:index",
    }
)
NAMES = tuple(_INDEX)


def load_dataset(
    name: str,
    root: Path,
    representation: Representation,
    window: WindowRule = "live",
    cache: Path | None = None,
    *,
    jobs: int | None = None,
) -> Dataset:
    """Data set ``name``, one of :data:`NAMES`, from the folder ``root``.

    ``window``: ``live`` windows or the ``whole`` recording, see :mod:`training.datasets.windows`.
    With ``cache``, windows are cut once and memory-mapped from there; for ``enrolled`` people it
    is refused. ``jobs``: files read at a time, by default one a core. Raises
    :class:`TrainingError` in one line: what is missing, where it comes from and how its folder
    must look, or which file is wrong.
    """
    if name not in _INDEX:
        raise TrainingError(f"{name!r} is none of {', '.join(NAMES)}", field="dataset.name")
    module, function = _INDEX[name].split(":")
    index: Callable[[Path], Index] = getattr(import_module(module), function)
    return build(index(root), representation, window, cache, jobs)
