"""Prophesee DAT files, change-detection events: 8 bytes an event, little-endian.

::

    % Version 2              header, as in RAW files
    % Height 720
    % Width 1280
    [u8 type][u8 size = 8]
    [u32 t_us][u32: 28 polarity, 27..14 y, 13..0 x]    version 2
    [u32 t_us][u32: 17 polarity, 16..9  y,  8..0 x]    version 1 (ATIS)

Time wraps after 2**32 microseconds. Source: Prophesee, "DAT file format".
"""

from collections.abc import Iterator

import numpy as np

from events.clock import Clock32
from events.decoder import Bytes
from events.errors import EventDataError
from events.packet import Packet, SensorSize, packet
from events.prophesee_header import parse_header
from events.words import WordDecoder

_RECORD = np.dtype([("t", "<u4"), ("address", "<u4")])
#: Types of change-detection events: the old two-dimensional event, and EventCD.
_CHANGE_DETECTION = (0x00, 0x0C)
#: Bits of x and y by version.
_ADDRESS_BITS = {"1": (9, 8), "2": (14, 14)}


class DatDecoder(WordDecoder):
    """Decodes a DAT file. ``sensor`` is the size to report where the header states none."""

    format = "dat"
    _word_bytes = _RECORD.itemsize

    def __init__(self, *, sensor: SensorSize | None = None) -> None:
        super().__init__()
        self.sensor = sensor
        self._clock = Clock32()
        self._x_bits, self._y_bits = _ADDRESS_BITS["2"]

    def _begin(self, head: bytearray, *, complete: bool) -> int | None:
        header = parse_header(bytes(head), complete=complete)
        if header is None:
            return None
        if not header.size:
            raise EventDataError("is missing", offset=0, field="header")
        if len(head) < header.size + 2:
            return None
        kind, size = head[header.size], head[header.size + 1]
        if kind not in _CHANGE_DETECTION:
            raise EventDataError(
                f"{kind} is not that of change-detection events",
                offset=header.size,
                field="event type",
            )
        if size != _RECORD.itemsize:
            raise EventDataError(f"{size} is not 8", offset=header.size + 1, field="event size")
        bits = _ADDRESS_BITS.get(header.fields.get("version", "2"))
        if bits is None:
            raise EventDataError("is neither 1 nor 2", offset=0, field="version")
        self._x_bits, self._y_bits = bits
        self._clock = Clock32(header.t_start_us)
        self.sensor = header.sensor or self.sensor
        return header.size + 2

    def _packets(self, data: Bytes) -> Iterator[Packet]:
        records = np.frombuffer(data, _RECORD)
        address = records["address"]
        yield packet(
            self._clock.extend(records["t"]),
            address & ((1 << self._x_bits) - 1),
            (address >> self._x_bits) & ((1 << self._y_bits) - 1),
            (address >> (self._x_bits + self._y_bits)) & 1,
        )
