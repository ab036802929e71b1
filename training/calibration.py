"""The limits of an exported anonymizer's self-test, from what it does to windows.

The service drops a window that lies nearer to its input than these limits allow
(:mod:`models.verdict`), so they are as strict as the model lets them be without dropping
windows that it anonymizes as it should.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.manifest import Manifest, SelfTest
from models.self_test import synthetic_windows
from training.errors import TrainingError

#: Of the smallest change of any channel of any window: a model that changes windows by less
#: than this share of it is not the model that was exported.
RMS_MARGIN = 0.6
#: Times the largest share of cells that keep their value by chance.
UNCHANGED_MARGIN = 4.0
#: A model that leaves more of the cells with events as they are hides too little.
MOST_UNCHANGED = 0.25
#: Cells with events below which a window's own share says nothing.
_ENOUGH_CELLS = 1000
_SEED = 1


def calibrate(
    network: nn.Module, manifest: Manifest, windows: NDArray[np.generic] | None
) -> SelfTest:
    """Limits that every one of ``windows``, counts ``[N, 2T, H, W]``, keeps, with a margin.

    The synthetic windows of the service's self-test are added to them. The network is on
    the CPU. Raises :class:`TrainingError` for windows that do not fit ``manifest`` and for a
    network that changes them too little.
    """
    smallest_rms, active, unchanged, largest_share = np.inf, 0, 0, 0.0
    generator = torch.Generator().manual_seed(_SEED)
    for window in _all_windows(manifest, windows):
        events = torch.from_numpy(window)[None]
        noise = torch.randn(events.shape, generator=generator)
        with torch.no_grad():
            output = network(events, noise)[0].numpy()
        rms = np.sqrt(np.square(output - window, dtype=np.float64).mean(axis=(1, 2)))
        smallest_rms = min(smallest_rms, float(rms.min()))
        step = np.float32(manifest.output_step)
        cells = window != 0
        kept = int((cells & (np.rint(output / step) == np.rint(window / step))).sum())
        active, unchanged = active + int(cells.sum()), unchanged + kept
        if cells.sum() >= _ENOUGH_CELLS:
            largest_share = max(largest_share, kept / int(cells.sum()))
    return _limits(smallest_rms, unchanged / max(active, 1), largest_share, manifest)


def _limits(
    smallest_rms: float, share: float, largest_share: float, manifest: Manifest
) -> SelfTest:
    if not smallest_rms > manifest.output_step:
        raise TrainingError(
            f"changes a channel by {smallest_rms:.2g} only, which the published grid of "
            f"{manifest.output_step:g} hides: it needs a floor (min_sigma)",
            source=manifest.name,
        )
    max_unchanged = max(UNCHANGED_MARGIN * share, 2 * largest_share)
    if max_unchanged > MOST_UNCHANGED:
        raise TrainingError(
            f"leaves up to {100 * largest_share:.2g} % of the cells with events as they are",
            source=manifest.name,
        )
    return SelfTest(
        min_rms_change=round(RMS_MARGIN * smallest_rms, 6), max_unchanged=round(max_unchanged, 6)
    )


def _all_windows(
    manifest: Manifest, windows: NDArray[np.generic] | None
) -> Iterator[NDArray[np.float32]]:
    """Synthetic and given windows as the network is given them, ``[2T, H, W]``."""
    wanted = manifest.representation
    scaling = np.float32(wanted.scaling)
    for synthetic in synthetic_windows(manifest).values():
        yield synthetic.astype(np.float32) * scaling
    if windows is None:
        return
    size = (wanted.height, wanted.width)
    fits = windows.ndim == 4 and windows.shape[1] == wanted.channels
    if not fits or (wanted.height is not None and windows.shape[2:] != size):
        raise TrainingError(
            f"are {list(windows.shape)}, not [N, {wanted.channels}, H, W] of the model",
            source=manifest.name,
            field="calibration windows",
        )
    for window in windows:
        yield window.astype(np.float32) * scaling


def read_windows(path: Path) -> NDArray[np.generic]:
    """The counts ``[N, 2T, H, W]`` in the .npy file ``path``. Raises :class:`TrainingError`."""
    source = str(path)
    try:
        windows = np.load(path, allow_pickle=False)
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=source) from None
    except (ValueError, EOFError):
        raise TrainingError("is no .npy file of numbers", source=source) from None
    if not isinstance(windows, np.ndarray) or windows.ndim != 4 or windows.dtype.kind not in "uif":
        raise TrainingError("holds no array of counts [N, 2T, H, W]", source=source)
    # Neither a comparison with NaN nor one with a negative count is true.
    if not np.all((windows >= 0) & (windows <= np.iinfo(np.uint16).max)):
        raise TrainingError("holds numbers that are no counts", source=source)
    return windows
