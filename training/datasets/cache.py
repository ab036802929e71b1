"""Windows kept on disk, so that recordings are read once.

::

    CACHE/NAME-KEY/windows.npy      uint8 [N, 2T, H, W], memory-mapped
    CACHE/NAME-KEY/counts.npy       int64, how many of them each entry gave

KEY is a hash of everything that the windows depend on: the files' sizes and times, the spans
cut out of them, the representation and the rule. The folder appears whole or not at all; one
that cannot be read back is built anew.
"""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.manifest import Representation
from training.datasets.index import Index
from training.datasets.rows import Rows
from training.datasets.windows import WindowRule
from training.errors import TrainingError

#: Counted up when the same recordings would give other windows than before.
_VERSION = 1
_WINDOWS = "windows.npy"
_COUNTS = "counts.npy"


class Windows(NamedTuple):
    """All windows of an index, uint8 ``[N, 2T, H, W]``, and how many each entry gave, int64."""

    windows: NDArray[np.uint8] | Rows
    counts: NDArray[np.int64]


def key(index: Index, representation: Representation, rule: WindowRule) -> str:
    """64 bits in hexadecimal that change when the windows may.

    Raises :class:`TrainingError` if a file is gone.
    """
    files = {}
    for path in {entry.path for entry in index.entries}:
        try:
            found = path.stat()
            frames = len(list(path.iterdir())) if path.is_dir() else 0
        except OSError as error:
            raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
        files[str(path.resolve())] = [found.st_size, found.st_mtime_ns, frames]
    content = {
        "version": _VERSION,
        "rule": rule,
        "representation": representation.model_dump(
            include={"kind", "bins", "window_us", "height", "width"}
        ),
        "entries": [[str(entry.path.resolve()), entry.span_us] for entry in index.entries],
        "files": files,
    }
    text = json.dumps([index.name, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(folder: Path) -> Windows | None:
    """What ``folder`` holds; None if that is not whole."""
    try:
        counts = np.load(folder / _COUNTS, allow_pickle=False)
        windows = np.load(folder / _WINDOWS, mmap_mode="r", allow_pickle=False)
    except Exception:
        # Damage makes numpy raise a dozen different things; none of them is worth more.
        return None
    whole = (
        windows.dtype == np.uint8
        and windows.ndim == 4
        and counts.dtype == np.int64
        and counts.ndim == 1
        and int(counts.sum()) == len(windows)
    )
    return Windows(windows, counts) if whole else None


def _header(file: IO[bytes], shape: tuple[int, ...]) -> int:
    """Write the header of a uint8 array of ``shape``; return where the values start."""
    # numpy leaves room for the first number to grow, so the header keeps its length.
    file.seek(0)
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()


def _write(folder: Path, cut: Iterable[NDArray[np.uint8]]) -> None:
    counts = []
    shape: tuple[int, ...] = ()
    with (folder / _WINDOWS).open("xb") as file:
        for windows in cut:
            if not shape:
                shape = windows.shape[1:]
                start = _header(file, (0, *shape))
            file.write(np.ascontiguousarray(windows).data)
            counts.append(len(windows))
        if _header(file, (sum(counts), *shape)) != start:
            raise AssertionError("the header of a npy file grew over its values")
    np.save(folder / _COUNTS, np.array(counts, np.int64))


def kept(
    cache: Path,
    index: Index,
    representation: Representation,
    rule: WindowRule,
    cut: Callable[[], Iterable[NDArray[np.uint8]]],
) -> Windows:
    """The windows of ``index`` in ``cache``; ``cut`` makes them, an array an entry, if need be.

    Raises :class:`TrainingError` if they must not or cannot be written, and what ``cut`` raises.
    """
    if not index.cacheable:
        raise TrainingError("raw windows of people are kept in no cache", source=index.name)
    folder = cache / f"{index.name}-{key(index, representation, rule)}"
    found = _read(folder)
    if found:
        return found
    draft = None
    try:
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=cache))
        _write(draft, cut())
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    except OSError as error:
        # Another process may have been faster, with the same windows.
        found = _read(folder)
        if found:
            return found
        raise TrainingError(error.strerror or "cannot be written", source=str(folder)) from None
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    found = _read(folder)
    if not found:
        raise TrainingError("cannot be read back", source=str(folder))
    return found
