"""Events to Prophesee EVT 3.0 words, for measurements of the decoder.

As the sensors do, pixels of one row that fire together travel as a vector (base, 12, 12, 8
pixels), lonely ones as a word each. Source of the words: Prophesee, "EVT 3.0 Format"; see
:mod:`events.evt3`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from events.packet import Packet, SensorSize

_Y, _X, _BASE, _VECTOR_12, _VECTOR_8, _LOW, _HIGH = 0x0, 0x2, 0x3, 0x4, 0x5, 0x6, 0x8
_VECTOR_PX = 32
#: From this many pixels on, a vector's four words are fewer than a word each.
_LEAST_IN_VECTOR = 4


def readout(events: Packet, step_us: int) -> Packet:
    """``events`` as a sensor reads them out: ``step_us`` at a time, row by row, none twice."""
    t = events["t"] // step_us * step_us
    order = np.lexsort((events["x"], events["p"], events["y"], t))
    read = events[order]
    read["t"] = t[order]
    words = read.view(np.uint64).reshape(-1, 2)
    again = (words[1:] == words[:-1]).all(axis=1)
    kept: Packet = read[np.concatenate([[True], ~again])]
    return kept


def evt3_stream(events: Packet, sensor: SensorSize) -> bytes:
    """A RAW file: text header and words. ``events`` are in the order of :func:`readout`."""
    header = f"% evt 3.0\n% format EVT3;height={sensor.height};width={sensor.width}\n% end\n"
    return header.encode() + _words(events).astype("<u2").tobytes()


def _changed(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a value differs from the one before; true for the first."""
    changed = np.zeros(len(columns[0]), bool)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _words(events: Packet) -> NDArray[np.uint16]:
    t, x, y, p = (events[name].astype(np.int64) for name in "txyp")
    first = np.flatnonzero(_changed(t, y, p, x // _VECTOR_PX))
    size = np.diff(np.append(first, len(events)))
    pixels = np.bitwise_or.reduceat(1 << x % _VECTOR_PX, first)
    vector = size >= _LEAST_IN_VECTOR
    t, y, side = t[first], y[first], p[first] << 11
    high, low, row = _changed(t >> 12), _changed(t), _changed(y)

    opening = high.astype(np.int64) + low + row
    start = np.cumsum(opening + np.where(vector, 4, size))
    words = np.zeros(start[-1], np.uint16)
    at = np.concatenate([[0], start[:-1]])
    words[at[high]] = _HIGH << 12 | (t >> 12 & 0xFFF)[high]
    words[(at + high)[low]] = _LOW << 12 | (t & 0xFFF)[low]
    words[(at + high + low)[row]] = _Y << 12 | y[row]
    at += opening

    base = x[first] // _VECTOR_PX * _VECTOR_PX | side
    words[at[vector]] = _BASE << 12 | base[vector]
    words[at[vector] + 1] = _VECTOR_12 << 12 | (pixels & 0xFFF)[vector]
    words[at[vector] + 2] = _VECTOR_12 << 12 | (pixels >> 12 & 0xFFF)[vector]
    words[at[vector] + 3] = _VECTOR_8 << 12 | (pixels >> 24)[vector]

    lonely = np.repeat(~vector, size)
    nth = np.arange(len(events)) - np.repeat(first, size)
    words[(np.repeat(at, size) + nth)[lonely]] = (_X << 12 | p << 11 | x)[lonely]
    return words
