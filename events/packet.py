"""Events as every decoder yields them: one 16-byte struct an event, in time order."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: One event. The layout is the one that DV's flatbuffers use (dv-processing,
#: ``events.fbs``), so that packets from the wire are read in place.
#: ``t`` microseconds, ``x`` column, ``y`` row, ``p`` polarity (0 off, anything else on).
EVENT = np.dtype(
    {
        "names": ["t", "x", "y", "p"],
        "formats": ["<i8", "<u2", "<u2", "u1"],
        "offsets": [0, 8, 10, 12],
        "itemsize": 16,
    }
)

#: A structured array of dtype :data:`EVENT`, shape ``[events]``.
Packet = NDArray[Any]


@dataclass(frozen=True)
class SensorSize:
    """Width and height of a sensor in pixels."""

    width: int
    height: int


def packet(t: Any, x: Any, y: Any, p: Any) -> Packet:
    """Columns (``t`` in microseconds) as one packet, shape ``[events]``."""
    events = np.zeros(len(t), EVENT)
    events["t"], events["x"], events["y"], events["p"] = t, x, y, p
    return events


def column_digests(packets: Iterable[Packet]) -> dict[str, str]:
    """SHA3-224 of each column as little-endian uint64 t, uint16 x, uint16 y, uint8 p (0 or 1)."""
    digests = {name: hashlib.sha3_224() for name in "txyp"}
    for events in packets:
        digests["t"].update(events["t"].astype("<u8").tobytes())
        digests["x"].update(events["x"].astype("<u2").tobytes())
        digests["y"].update(events["y"].astype("<u2").tobytes())
        digests["p"].update((events["p"] != 0).astype("u1").tobytes())
    return {name: digest.hexdigest() for name, digest in digests.items()}
