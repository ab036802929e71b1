"""Event histograms and voxel grids, counted in place.

Channel ``2 * b + p`` holds bin ``b`` and polarity ``p`` (0 off, 1 on): time-major, then
polarity, as AnonyNoise (WACV 2025, Sec. 4.1) and the model manifest have it::

    t_start                                  t_start + window_us
      |  bin 0  |  bin 1  |  ...  |  bin T-1  |
         off,on    off,on            off,on         -> [2T, H, W]

Both kernels stop at the first event that lies outside ``[t_start, t_start + window_us)``
and leave it to the caller, so that windows are cut without a copy and without per-event
Python. Events beyond the sensor, and times that no clock says, are counted and left out.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from events.packet import EVENT, Packet

#: Times outside 0..2**62 microseconds (146,000 years) are damage, not a clock.
LATEST_US = 1 << 62
_SATURATED = np.uint16(65535)
_BLOCK = 512


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _count(  # type: ignore[no-untyped-def]
    words, start, t_start_us, window_us, bins, height, width, flat
):
    # Two passes over short blocks: the first finds cells and checks events without a branch,
    # so that it vectorises; only a block with a bin's edge or a stray event goes slowly.
    low = np.uint64(0xFFFF)
    columns = np.uint64(width)
    rows = np.uint64(height)
    plane = np.uint64(height * width)
    cells = np.empty(_BLOCK, np.uint32)
    outside = 0
    events = len(words) // 2
    i = start
    while i < events:
        t = np.int64(words[2 * i])
        if t < 0 or t > LATEST_US:
            outside += 1
            i += 1
            continue
        if t < t_start_us or t >= t_start_us + window_us:
            return i, outside
        b = (t - t_start_us) * bins // window_us
        # Integer edges: event t is in bin b exactly when b = (t - t_start) * T // window.
        first_us = np.uint64(t_start_us + (b * window_us + bins - 1) // bins)
        span_us = np.uint64(t_start_us + ((b + 1) * window_us + bins - 1) // bins) - first_us
        counts = flat[2 * b * height * width : 2 * (b + 1) * height * width]
        while i < events and words[2 * i] - first_us < span_us:
            n = min(_BLOCK, events - i)
            stray = np.uint64(0)
            for j in range(n):
                word = words[2 * (i + j) + 1]
                x = word & low
                y = (word >> np.uint64(16)) & low
                stray |= (
                    np.uint64(x >= columns)
                    | np.uint64(y >= rows)
                    | np.uint64(words[2 * (i + j)] - first_us >= span_us)
                )
                on = (word >> np.uint64(32)) & np.uint64(0xFF)
                cells[j] = np.uint32(y * columns + x + (plane if on else np.uint64(0)))
            if not stray:
                for j in range(n):
                    count = counts[cells[j]]
                    counts[cells[j]] = count + np.uint16(count != _SATURATED)
                i += n
                continue
            for j in range(n):
                if words[2 * i] - first_us >= span_us:
                    break
                word = words[2 * i + 1]
                if (word & low) >= columns or ((word >> np.uint64(16)) & low) >= rows:
                    outside += 1
                else:
                    count = counts[cells[j]]
                    counts[cells[j]] = count + np.uint16(count != _SATURATED)
                i += 1
    return events, outside


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _spread(  # type: ignore[no-untyped-def]
    words, start, t_start_us, window_us, bins, height, width, flat
):
    plane = height * width
    t_end_us = t_start_us + window_us
    outside = 0
    events = len(words) // 2
    for i in range(start, events):
        t = np.int64(words[2 * i])
        if t < 0 or t > LATEST_US:
            outside += 1
            continue
        if t < t_start_us or t >= t_end_us:
            return i, outside
        word = np.int64(words[2 * i + 1])
        x = word & 0xFFFF
        y = (word >> 16) & 0xFFFF
        if x >= width or y >= height:
            outside += 1
            continue
        position = (bins - 1) * (t - t_start_us) / window_us
        b = int(position)
        late = np.float32(position - b)
        cell = 2 * b * plane + y * width + x
        if (word >> 32) & 0xFF:
            cell += plane
        flat[cell] += np.float32(1) - late
        if b + 1 < bins:
            flat[cell + 2 * plane] += late
    return events, outside


def _call(
    kernel: Any, events: Packet, start: int, t_start_us: int, window_us: int, out: NDArray[Any]
) -> tuple[int, int]:
    channels, height, width = out.shape
    if events.dtype != EVENT:
        # numpy's concatenate leaves the padding out, and the kernels count on it.
        events = events.astype(EVENT)
    words = np.ascontiguousarray(events).view(np.uint64)
    flat = out.reshape(-1)
    stop, outside = kernel(words, start, t_start_us, window_us, channels // 2, height, width, flat)
    return int(stop), int(outside)


def count_events(
    events: Packet, start: int, t_start_us: int, window_us: int, out: NDArray[np.uint16]
) -> tuple[int, int]:
    """Count ``events[start:]`` into the histogram ``out`` ``[2T, H, W]``, saturating at 65535.

    Returns the index of the first event not counted because its time lies outside the
    window (``len(events)`` if there is none), and how many events up to there lay outside
    the sensor. A wrapped counter would turn the busiest pixel into an empty one, so counts
    stop at 65535.
    """
    return _call(_count, events, start, t_start_us, window_us, out)


def spread_events(
    events: Packet, start: int, t_start_us: int, window_us: int, out: NDArray[np.float32]
) -> tuple[int, int]:
    """Spread ``events[start:]`` over the voxel grid ``out`` ``[2T, H, W]``, one grid a polarity.

    An event at normalised time ``(T - 1) (t - t_start) / window`` is shared linearly between
    its two neighbouring bins (Zhu et al., CVPR 2019, Eq. 8-9, polarities kept apart).
    Returns as :func:`count_events` does.
    """
    return _call(_spread, events, start, t_start_us, window_us, out)
