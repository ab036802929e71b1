"""Histograms of another size.

An axis that shrinks adds up the pixels that fall together, as a coarser sensor would count the
same events; an axis that grows repeats the nearest pixel (as the published Event-ReId loader
does). Either way counts stay whole numbers, which area or bilinear means would not.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def _resize_axis(counts: NDArray[Any], axis: int, size: int) -> NDArray[Any]:
    source = counts.shape[axis]
    if size >= source:
        repeated: NDArray[Any] = counts.take(np.arange(size) * source // size, axis=axis)
        return repeated
    # Source pixel i falls into i * size // source, so pixel j begins at ceil(j * source / size).
    starts = -(-np.arange(size) * source // size)
    added: NDArray[Any] = np.add.reduceat(counts, starts, axis=axis)
    return added


def resize_counts(counts: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """``counts`` ``[..., H, W]`` as ``[..., height, width]``, of the same dtype.

    Give a dtype that holds the sums.
    """
    tall = _resize_axis(counts, counts.ndim - 2, height)
    return _resize_axis(tall, counts.ndim - 1, width).astype(counts.dtype, copy=False)


def pad_to_shape(counts: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """``counts`` ``[C, h, w]`` in the middle of zeros, with the ratio ``height / width``."""
    _, own_height, own_width = counts.shape
    tall = max(own_height, -(-own_width * height // width))
    wide = max(own_width, -(-own_height * width // height))
    down, right = tall - own_height, wide - own_width
    around = (0, 0), (down // 2, down - down // 2), (right // 2, right - right // 2)
    return np.pad(counts, around)
