"""What a model must show on windows that hold nobody, before it sees one that does."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.manifest import Manifest
from models.verdict import Anonymized, Rejected

#: Wide enough for a channel's root mean square to settle, small enough to take no time;
#: odd, so that a model with ``multiple_of`` is also tested on padding.
_SIDE = 67

Anonymize = Callable[[NDArray[np.uint16]], list[Anonymized | Rejected]]


def synthetic_windows(manifest: Manifest) -> dict[str, NDArray[np.uint16]]:
    """Synthetic histograms ``[2T, H, W]``; not secret, so any generator serves."""
    wanted = manifest.representation
    shape = (manifest.channels, wanted.height or _SIDE, wanted.width or _SIDE)
    generator = np.random.default_rng(1)
    sparse = generator.poisson(0.05, shape).astype(np.uint16)
    return {
        "zeros": np.zeros(shape, np.uint16),
        "sparse": sparse,
        "sparse again": sparse,
        "random": generator.integers(0, 64, shape, dtype=np.uint16),
        "saturated": np.full(shape, 65535, np.uint16),
    }


def self_test(anonymize: Anonymize, manifest: Manifest) -> None:
    """Raise :class:`ModelError` naming the first check that the model fails.

    - every window, alone and in a batch, gets an output of its own shape that the verdict
      lets pass: finite and far enough from its input;
    - the output depends on the noise, from batch to batch and from window to window of one
      batch, so that noise is neither ignored nor used twice. The one exception is a model
      whose output does not depend on the events either, which tells nothing about them.
    """
    windows = synthetic_windows(manifest)
    batch = np.stack(list(windows.values()))
    first = _passed(anonymize(batch), list(windows), batch.shape[1:], manifest)
    second = _passed(anonymize(batch), list(windows), batch.shape[1:], manifest)
    for name, window in windows.items():
        _passed(anonymize(window[None]), [f"{name} alone"], window.shape, manifest)

    # Saturated counts are clipped to one value, whatever the noise.
    compared = [name for name in windows if name != "saturated"]
    constant = all(
        np.array_equal(first[compared[0]], tensors[name])
        for tensors in (first, second)
        for name in compared
    )
    if constant:
        return
    for name in compared:
        if np.array_equal(first[name], second[name]):
            raise _failed(manifest, f"{name}: two draws of noise gave the same output")
    if np.array_equal(first["sparse"], first["sparse again"]):
        raise _failed(manifest, "two windows of one batch were given the same noise")


def _passed(
    verdicts: list[Anonymized | Rejected],
    names: list[str],
    shape: tuple[int, ...],
    manifest: Manifest,
) -> dict[str, NDArray[np.float32]]:
    tensors = {}
    for name, verdict in zip(names, verdicts, strict=True):
        if isinstance(verdict, Rejected):
            raise _failed(manifest, f"{name}: {verdict.cause}")
        if verdict.tensor.shape != shape:
            raise _failed(manifest, f"{name}: bad_shape")
        tensors[name] = verdict.tensor
    return tensors


def _failed(manifest: Manifest, check: str) -> ModelError:
    return ModelError(f"self-test failed: {check}", source=manifest.name)
