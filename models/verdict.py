"""Whether a model's output may be published, and the form that it is published in.

Privacy invariant 1, fail closed: what is not :class:`Anonymized` is :class:`Rejected`,
and a rejection holds a cause and no data.

Published values lie on a fixed grid of ``output_step``. A float32 sum ``x + s * z`` is
rounded to a spacing that depends on how large its terms were, so its low-order bits tell
whether ``x`` was 0 however much noise hides its value (Mironov, "On Significance of the
Least Significant Bits for Differential Privacy", CCS 2012). Rounding to a grid far coarser
than float32's, the same for every cell, removes those bits.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.manifest import Manifest

Cause = Literal["inference_error", "bad_shape", "non_finite", "unchanged"]

#: Cells that may keep their value by chance, beside the manifest's share, in a quiet window.
_UNCHANGED_BY_CHANCE = 8

_LARGEST_FLOAT16 = np.float32(65504)
_LARGEST_FLOAT32 = np.finfo(np.float32).max
_POSITIVE_ZERO = np.float32(0)


@dataclass(frozen=True)
class Anonymized:
    """A window that may leave: float32 ``[2T, H, W]`` on the grid, within +-65504.

    Within float16's range, so that a client that asks for float16 gets no infinity.
    """

    tensor: NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True)
class Rejected:
    """A window that must not leave, and why."""

    cause: Cause


def judge(
    output: NDArray[np.float32], events: NDArray[np.float32], manifest: Manifest
) -> Anonymized | Rejected:
    """The verdict on one window's ``output`` for its input ``events``, both ``[2T, H, W]``.

    Rejects an output of another shape or type, one with a number that is not finite, and one
    nearer to its input than ``manifest.self_test`` allows: in the root mean square over any
    channel, or in the number of cells with events whose published value would be the raw
    count's. ``output`` is copied.
    """
    if output.shape != events.shape or output.dtype != np.float32:
        return Rejected("bad_shape")
    tensor = np.empty(output.shape, np.float32)
    squares = np.zeros(len(output), np.float64)
    finite, active, unchanged = _snap(
        np.ascontiguousarray(output),
        np.ascontiguousarray(events),
        np.float32(manifest.output_step),
        tensor,
        squares,
    )
    if not finite:
        return Rejected("non_finite")
    limits = manifest.self_test
    rms_change = np.sqrt(squares / output[0].size)
    if (
        not np.all(rms_change >= limits.min_rms_change)
        or unchanged > limits.max_unchanged * active + _UNCHANGED_BY_CHANCE
    ):
        return Rejected("unchanged")
    return Anonymized(tensor)


@njit(cache=True, nogil=True, fastmath={"reassoc"})  # type: ignore[untyped-decorator]
def _snap(  # type: ignore[no-untyped-def]
    output, events, step, tensor, squares
):
    """Fill ``tensor`` and add the squared changes to ``squares``, in one pass over the window."""
    channels, height, width = events.shape
    # Exact: the step is a power of two.
    inverse = np.float32(1) / step
    not_finite = active = unchanged = 0
    for channel in range(channels):
        for row in range(height):
            row_squares = np.float32(0)
            for column in range(width):
                value = output[channel, row, column]
                count = events[channel, row, column]
                not_finite += not (abs(value) <= _LARGEST_FLOAT32)
                change = value - count
                row_squares += change * change
                point = np.rint(value * inverse)
                has_events = count != _POSITIVE_ZERO
                active += has_events
                unchanged += has_events & (point == np.rint(count * inverse))
                # Adding +0 turns -0, which would tell the sign of what was rounded, into +0.
                snapped = point * step + _POSITIVE_ZERO
                snapped = min(snapped, _LARGEST_FLOAT16)
                tensor[channel, row, column] = max(snapped, -_LARGEST_FLOAT16)
            squares[channel] += row_squares
    return not_finite == 0, active, unchanged
