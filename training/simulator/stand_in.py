"""The recording that the demo plays: one simulated person, some gestures one after another.

``python -m training.simulator.stand_in OUT.aedat4`` writes it. The person is of another seed
than any training set here, so no network that comes along was trained on them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from events.aedat4 import write_aedat4
from events.dv_compression import Compression
from events.packet import Packet, SensorSize
from training.simulator.recordings import Take, record

SENSOR = SensorSize(128, 128)
#: Whole windows of the gesture model each.
GESTURE_US = 2_000_000
GESTURES = ("right_hand_wave", "hand_clapping", "left_hand_wave", "air_drums")
_SEED = 2026


def stand_in() -> Iterator[Packet]:
    """One packet a gesture, times from 0."""
    for number, gesture in enumerate(GESTURES):
        take = Take("gesture", _SEED, 0, gesture, "led", 0, "test")
        events, _ = record(take, GESTURE_US)
        events["t"] += number * GESTURE_US
        yield events


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m training.simulator.stand_in OUT.aedat4")
    write_aedat4(
        Path(sys.argv[1]),
        stand_in(),
        SENSOR,
        compression=Compression.ZSTD_HIGH,
        source="Synthetic_1",
    )
