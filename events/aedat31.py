r"""AEDAT 3.1 files of cAER: ``#`` lines, then packets of one kind of event each.

::

    #!AER-DAT3.1\r\n ... #Source 1: DVS128\r\n ... #!END-HEADER\r\n
    [i16 type][i16 source][i32 size][i32 time's place][i32 time overflow]
    [i32 capacity][i32 number][i32 valid]          28 bytes, little-endian, then the events
    polarity event, type 1: [u32: 31..17 x, 16..2 y, 1 polarity, 0 valid][i32 t_us]

Time is ``overflow << 31 | t``. Other types are skipped, and polarity events not marked valid,
unless the packet's header says that all are: writers of files by hand leave the marks out.
Source: iniVation, "AEDAT 3.1 file format".
"""

import re
import struct
from collections.abc import Iterator

import numpy as np

from events.chips import chip_size
from events.decoder import Bytes, Decoder
from events.errors import EventDataError
from events.packet import Packet, packet

_END = b"#!END-HEADER\r\n"
_LONGEST_HEADER_BYTES = 1 << 20
_PACKET_HEADER = struct.Struct("<hhiiiiii")
#: A packet of frames of the largest sensor is far below this.
_LARGEST_PACKET_BYTES = 256 << 20
_POLARITY = 1
_EVENT = np.dtype([("data", "<u4"), ("t", "<i4")])


class Aedat31Decoder(Decoder):
    """Decodes an AEDAT 3.1 file; of several cameras in one file, the first with events."""

    format = "aedat31"

    def __init__(self) -> None:
        self._rest = bytearray()
        self._offset = 0
        self._header_read = False
        self._skip_bytes = 0
        self._event_bytes = 0
        self._overflow = 0
        self._all_valid = False
        self._source: int | None = None

    def _take(self, view: memoryview, wanted: int) -> memoryview:
        """Move bytes of ``view`` into the rest until it holds ``wanted``; return the others."""
        missing = wanted - len(self._rest)
        self._rest += view[:missing]
        return view[missing:]

    def feed(self, data: Bytes) -> Iterator[Packet]:
        view = memoryview(data)
        if not self._header_read:
            self._rest += view
            view = memoryview(self._read_header())
        while view:
            if self._skip_bytes:
                skipped = min(self._skip_bytes, len(view))
                self._skip_bytes -= skipped
                self._offset += skipped
                view = view[skipped:]
            elif self._event_bytes:
                size = _EVENT.itemsize
                whole = min(self._event_bytes, len(view) - len(view) % size)
                if self._rest or not whole:
                    view = self._take(view, size)
                    if len(self._rest) < size:
                        return
                    chunk: Bytes = bytes(self._rest)
                    self._rest.clear()
                else:
                    chunk, view = view[:whole], view[whole:]
                self._event_bytes -= len(chunk)
                self._offset += len(chunk)
                yield self._polarity(chunk)
            else:
                view = self._take(view, _PACKET_HEADER.size)
                if len(self._rest) < _PACKET_HEADER.size:
                    return
                self._read_packet_header(*_PACKET_HEADER.unpack(self._rest))
                self._rest.clear()

    def _read_header(self) -> bytes:
        """Read the header once it is complete; return what follows it."""
        end = self._rest.find(_END)
        if end < 0:
            if len(self._rest) > _LONGEST_HEADER_BYTES:
                raise EventDataError("has no end", offset=0, field="header")
            return b""
        lines = self._rest[:end].decode("latin-1").split("\r\n")
        if not lines[0].startswith("#!AER-DAT3.1"):
            raise EventDataError("is not AEDAT 3.1", offset=0, field="version")
        for line in lines[1:]:
            if line.startswith("#Format:") and line[8:].strip() != "RAW":
                raise EventDataError("only RAW is supported", offset=0, field="Format")
            source = re.match(r"#Source \d+: *(.+)", line)
            if source and self.sensor is None:
                self.sensor = chip_size(source[1])
        self._header_read = True
        self._offset = end + len(_END)
        data = bytes(self._rest[self._offset :])
        self._rest.clear()
        return data

    def _read_packet_header(
        self,
        kind: int,
        source: int,
        size: int,
        time_place: int,
        overflow: int,
        capacity: int,
        number: int,
        valid: int,
    ) -> None:
        wrong = None
        if kind < 0:
            wrong = "type", f"{kind} is no type of event"
        elif size <= 0 or (kind == _POLARITY and size != _EVENT.itemsize):
            wrong = "eventSize", f"{size} is not the size of an event of type {kind}"
        elif not 0 <= time_place <= size or (kind == _POLARITY and time_place != 4):
            wrong = "eventTSOffset", f"{time_place} is not where an event has its time"
        elif overflow < 0:
            wrong = "eventTSOverflow", f"{overflow} is negative"
        elif not 0 <= valid <= number <= capacity:
            wrong = "eventNumber", f"{valid} valid of {number} of {capacity} cannot be"
        elif size * number > _LARGEST_PACKET_BYTES:
            wrong = "eventNumber", f"a packet of {size * number} bytes is too large"
        if wrong:
            raise EventDataError(wrong[1], offset=self._offset, field=wrong[0])
        self._offset += _PACKET_HEADER.size
        if kind == _POLARITY and self._source is None:
            self._source = source
        if kind == _POLARITY and source == self._source:
            self._event_bytes = size * number
            self._overflow = overflow
            self._all_valid = valid == number
        else:
            self._skip_bytes = size * number

    def _polarity(self, chunk: Bytes) -> Packet:
        events = np.frombuffer(chunk, _EVENT)
        if not self._all_valid:
            events = events[events["data"] & 1 == 1]
        data = events["data"]
        t = events["t"].astype(np.int64) + (self._overflow << 31)
        return packet(t, data >> 17, (data >> 2) & 0x7FFF, (data >> 1) & 1)

    def finish(self) -> Iterator[Packet]:
        if not self._header_read:
            raise EventDataError("the data ends inside it", offset=0, field="header")
        if self._rest or self._skip_bytes or self._event_bytes:
            raise EventDataError("the data ends inside a packet", offset=self._offset)
        yield from ()
