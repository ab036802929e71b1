"""Sensor sizes of iniVation's cameras by the chip's name, as recordings state it."""

import re

from events.packet import SensorSize

_DAVIS = {
    "128": SensorSize(128, 128),
    "208": SensorSize(208, 192),
    "240": SensorSize(240, 180),
    "346": SensorSize(346, 260),
    "640": SensorSize(640, 480),
}
DVS128 = SensorSize(128, 128)


def chip_size(name: str) -> SensorSize | None:
    """The size of the DVS128 or DAVIS that ``name`` speaks of, e.g. ``Davis346blue``."""
    davis = re.search(r"davis(\d{3})", name, re.IGNORECASE)
    if davis:
        return _DAVIS.get(davis[1])
    return DVS128 if re.search(r"dvs128", name, re.IGNORECASE) else None


def is_davis(name: str) -> bool:
    """Whether ``name`` speaks of a DAVIS, which has frames and addresses of its own."""
    return re.search(r"davis", name, re.IGNORECASE) is not None
