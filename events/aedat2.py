"""AEDAT 2.0 files of jAER: ``#`` lines, then big-endian ``u32 address, u32 time`` records.

::

    DVS128  31 special | 15 sync input | 14..8 y | 7..1 x | 0 polarity, 1 is off
    DAVIS   31 frame or motion sample | 30..22 y | 21..12 x | 11 polarity, 1 is on | 10 external

jAER counts columns from the right in both layouts and rows from the bottom; here, as in all
other formats, row 0 is the top. Special and external events and samples are left out.
Records may begin with ``#`` as header lines do: as in jAER, a line with an unprintable
character in it is no header line. Without ``# AEChip:`` the chip is a DVS128.
Source: jAER's ``AEFileInputStream``, ``DVS128.Extractor``, ``DavisBaseCamera`` extractor.
"""

from collections.abc import Iterator

import numpy as np

from events.characters import LINE_END_OR_BINARY, LINE_FEED
from events.chips import DVS128, chip_size, is_davis
from events.clock import Clock32
from events.decoder import Bytes
from events.errors import EventDataError
from events.packet import Packet, SensorSize, packet
from events.words import WordDecoder

#: jAER writes all its preferences into the header as XML.
_LONGEST_HEADER_BYTES = 4 << 20
_LONGEST_LINE_BYTES = 64 << 10
_RECORD = np.dtype([("address", ">u4"), ("t", ">u4")])
_DVS128_SKIPPED = 0x80008000
_DAVIS_SKIPPED = 0x80000400


class Aedat2Decoder(WordDecoder):
    """Decodes an AEDAT 2.0 file."""

    format = "aedat2"
    _word_bytes = _RECORD.itemsize

    def __init__(self) -> None:
        super().__init__()
        self._clock = Clock32()
        self._size = DVS128
        self._davis = False
        self._line = 0

    def _begin(self, head: bytearray, *, complete: bool) -> int | None:
        """Read the lines that came since the last call, from ``self._line`` on."""
        while True:
            if self._line > _LONGEST_HEADER_BYTES:
                raise EventDataError("is too long", offset=self._line, field="header")
            if len(head) == self._line and not complete:
                return None
            if head[self._line : self._line + 1] != b"#":
                break
            end = LINE_END_OR_BINARY.search(head, self._line)
            if end is None or end.start() - self._line > _LONGEST_LINE_BYTES:
                if len(head) - self._line > _LONGEST_LINE_BYTES:
                    raise EventDataError("line is too long", offset=self._line, field="header")
                return None
            if head[end.start()] != LINE_FEED:
                break
            line = head[self._line + 1 : end.start()].decode("latin-1").strip()
            offset, self._line = self._line, end.end()
            if line.lower() == "end of ascii header":
                break
            self._read_line(line, offset)
        self.sensor = self._size
        return self._line

    def _read_line(self, line: str, offset: int) -> None:
        if line.startswith("!AER-DAT") and not line.startswith("!AER-DAT2."):
            raise EventDataError("is not AEDAT 2.0", offset=offset, field="version")
        key, _, chip = line.partition(":")
        if key != "AEChip":
            return
        size = chip_size(chip)
        if size is None:
            raise EventDataError("is neither a DVS128 nor a DAVIS", offset=offset, field="AEChip")
        self._size = size
        self._davis = is_davis(chip)

    def _packets(self, data: Bytes) -> Iterator[Packet]:
        records = np.frombuffer(data, _RECORD)
        address = records["address"].astype(np.uint32)
        # Skipped records count for the clock too: a wrap may lie between two of them.
        t = self._clock.extend(records["t"])
        keep = address & (_DAVIS_SKIPPED if self._davis else _DVS128_SKIPPED) == 0
        address, t = address[keep], t[keep]
        if self._davis:
            x, y, on = address >> 12 & 0x3FF, address >> 22 & 0x1FF, address >> 11 & 1
        else:
            x, y, on = address >> 1 & 0x7F, address >> 8 & 0x7F, ~address & 1
        size: SensorSize = self._size
        # An address outside the sensor wraps to one far outside, and stays an event.
        yield packet(
            t,
            (size.width - 1 - x.astype(np.int32)).astype(np.uint16),
            (size.height - 1 - y.astype(np.int32)).astype(np.uint16),
            on,
        )
