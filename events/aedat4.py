r"""AEDAT4 files, as DV records them: a magic line, then what DV sends over the network.

::

    #!AER-DAT4.0\r\n  [u32 length][IOHE header]  packets ...  [FTAB data table]

The header says where the data table starts; -1 in a recording that was cut off before its
table was written. The table (``FileDataTable.fbs``), compressed as the packets are, lists
every packet's place, size, number of events and first and last time.
"""

import secrets
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from events.dv import STREAM, DvDecoder, DvEncoder
from events.dv_compression import Compression, compress
from events.errors import EventDataError
from events.flatbuffer import prefixed
from events.packet import Packet, SensorSize

MAGIC = b"#!AER-DAT4.0\r\n"
_PACKET_HEADER_BYTES = 8
#: Events in one packet of a file: readers unpack a packet at a time.
_PACKET_EVENTS = 1 << 14

#: A ``FileDataDefinition`` table; its vtable is :data:`_ROW_VTABLE`.
_ROW = np.dtype(
    [
        ("vtable", "<i4"),
        ("stream", "<i4"),
        ("size", "<i4"),
        ("offset", "<i8"),
        ("events", "<i8"),
        ("t_first_us", "<i8"),
        ("t_last_us", "<i8"),
        # Aligns the next row; a gap would be written with whatever memory holds.
        ("padding", "<i4"),
    ]
)
_ROW_VTABLE = struct.pack("<HHHHHHH", 14, 44, 12, 4, 20, 28, 36)


class Aedat4Decoder(DvDecoder):
    """Decodes an AEDAT4 file, fed in pieces cut at any byte; limits as :class:`DvDecoder`."""

    format = "aedat4"
    _hint = "(is this an AEDAT4 file?)"

    def _await_start(self) -> None:
        self._await(len(MAGIC), self._read_magic, "magic line")

    def _read_magic(self, data: memoryview, offset: int) -> None:
        if data != MAGIC:
            raise EventDataError("not an AEDAT4 file", offset=offset, field="magic line")
        super()._await_start()

    def _read_header(self, data: memoryview, offset: int) -> None:
        super()._read_header(data, offset)
        assert self.header
        if self.header.data_table_position > 0:
            self._end = self.header.data_table_position
            if self._end < self._offset:
                raise EventDataError(
                    f"the data table at {self._end} lies inside", offset=offset, field="header"
                )


def _data_table(rows: NDArray[np.void]) -> bytes:
    """``FTAB``: a vector of offsets to tables that all share one vtable."""
    # root table (vtable of 6 bytes, one offset), then the rows' vtable, then the vector.
    fixed = struct.pack("<2xHHHiI", 6, 8, 4, 6, 4 + 2 + len(_ROW_VTABLE)) + b"\0\0" + _ROW_VTABLE
    vector = len(fixed)
    tables = vector + 4 + 4 * len(rows)
    # Where 64-bit fields start, 4 more than a multiple of 8 is aligned: 12 bytes into a row.
    padding = -tables % 8
    tables += padding
    places = tables + np.arange(len(rows)) * _ROW.itemsize
    rows["vtable"] = places - (vector - len(_ROW_VTABLE))
    offsets = (places - (vector + 4 + 4 * np.arange(len(rows)))).astype("<u4")
    body = (
        fixed + struct.pack("<I", len(rows)) + offsets.tobytes() + bytes(padding) + rows.tobytes()
    )
    return prefixed(b"FTAB", body, root=8)


def _write(file: IO[bytes], packets: Iterable[Packet], encoder: DvEncoder, source: str) -> None:
    file.write(MAGIC + encoder.header)
    rows: list[tuple[int, ...]] = []
    for events in packets:
        for start in range(0, len(events), _PACKET_EVENTS):
            part = events[start : start + _PACKET_EVENTS]
            data = encoder.packet(part)
            place = file.tell() + _PACKET_HEADER_BYTES
            size = len(data) - _PACKET_HEADER_BYTES
            t_us = part["t"]
            rows.append((0, STREAM, size, place, len(part), int(t_us[0]), int(t_us[-1]), 0))
            file.write(data)
    table_position = file.tell()
    file.write(compress(_data_table(np.array(rows, _ROW)), encoder.compression))
    file.seek(len(MAGIC))
    complete = DvEncoder(
        encoder.sensor,
        source=source,
        compression=encoder.compression,
        data_table_position=table_position,
    )
    file.write(complete.header)


def write_aedat4(
    path: Path,
    packets: Iterable[Packet],
    sensor: SensorSize,
    *,
    compression: Compression = Compression.LZ4,
    source: str = "AnonyNoise",
) -> None:
    """Write ``packets`` as an AEDAT4 file with one event stream.

    The file appears under ``path`` complete or not at all. Raises :class:`EventDataError`
    for coordinates that the format does not hold, and OSError.
    """
    encoder = DvEncoder(sensor, source=source, compression=compression)
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            _write(file, packets, encoder, source)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
