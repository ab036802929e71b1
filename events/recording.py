"""Recordings: files of events in any format that some decoder knows."""

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from events.aedat2 import Aedat2Decoder
from events.aedat4 import Aedat4Decoder
from events.aedat31 import Aedat31Decoder
from events.characters import LINE_END_OR_BINARY, LINE_FEED
from events.dat import DatDecoder
from events.decoder import Bytes, Decoder
from events.errors import EventDataError
from events.evt2 import Evt2Decoder
from events.evt3 import Evt3Decoder
from events.evt21 import Evt21Decoder
from events.packet import Packet, SensorSize
from events.prophesee_header import parse_header
from events.text import TextDecoder, TimeUnit

_PIECE_BYTES = 4 << 20
#: The sensor's size stands within the first bytes, if anywhere.
_HEAD_BYTES = 64 << 10
_VERSIONS = MappingProxyType(
    {b"#!AER-DAT4.0": "aedat4", b"#!AER-DAT3.1": "aedat31", b"#!AER-DAT2.0": "aedat2"}
)
_VERSION = b"#!AER-DAT"
_VERSION_BYTES = len(b"#!AER-DAT4.0")
_TEXT_STARTS = b"#0123456789+-."
#: A text may begin with fewer blanks than this.
_BLANKS_BYTES = 1 << 10
#: So much of a text's first line must be text.
_TEXT_BYTES = 64
_DECODERS: MappingProxyType[str, Callable[[], Decoder]] = MappingProxyType(
    {
        "aedat4": Aedat4Decoder,
        "aedat31": Aedat31Decoder,
        "aedat2": Aedat2Decoder,
        "evt2": Evt2Decoder,
        "evt21": Evt21Decoder,
        "evt3": Evt3Decoder,
        "dat": DatDecoder,
    }
)
#: Names of the formats that are recognised.
FORMATS = (*_DECODERS, "text")


def _recognise(head: bytes, name: str | None, *, complete: bool) -> str | None:
    """The format of what begins with ``head``; None if more of it must be seen."""
    if not head:
        if complete:
            raise EventDataError("is empty")
        return None
    suffix = Path(name).suffix.lower() if name else ""
    version = head[:_VERSION_BYTES]
    if _VERSION.startswith(version[: len(_VERSION)]) or version.startswith(_VERSION):
        if len(version) < _VERSION_BYTES and not complete:
            return None
        if version.startswith(_VERSION):
            if version not in _VERSIONS:
                raise EventDataError("is none of 2.0, 3.1 and 4.0", offset=0, field="AEDAT version")
            return _VERSIONS[version]
    if suffix == ".aedat":
        return "aedat2"
    if head.startswith(b"%"):
        header = parse_header(head, complete=complete)
        if header is None:
            return None
        if header.size:
            return header.format or "dat"
    else:
        blanks = len(head) - len(head.lstrip())
        start = head[blanks : blanks + _TEXT_BYTES]
        other = LINE_END_OR_BINARY.search(start)
        if other is None and len(start) < _TEXT_BYTES and blanks < _BLANKS_BYTES and not complete:
            return None
        is_text = other is None or start[other.start()] == LINE_FEED
        if blanks < _BLANKS_BYTES and start and start[0] in _TEXT_STARTS and is_text:
            return "text"
    raise EventDataError("is not in a format that is known here")


def sniff(head: bytes, name: str | None = None) -> str:
    """The format, one of :data:`FORMATS`, of what begins with ``head`` and is called ``name``.

    64 KiB are enough. The name only tells an AEDAT 2.0 file without header lines apart.
    Raises :class:`EventDataError` if it is none, or if there is nothing.
    """
    found = _recognise(head, name, complete=True)
    assert found
    return found


class SniffingDecoder(Decoder):
    """Recognises the format from the first bytes and decodes on with the decoder for it.

    ``name`` names the source in errors; ``time_unit`` is that of a text.
    """

    def __init__(self, name: str | None = None, time_unit: TimeUnit | None = None) -> None:
        self.format = "unknown"
        self._name = name
        self._time_unit = time_unit
        self._head = b""
        self._decoder: Decoder | None = None

    @property
    def sensor(self) -> SensorSize | None:  # type: ignore[override]
        """The sensor's size as the data states it; None while, or where, it does not say."""
        return self._decoder.sensor if self._decoder else None

    def _named(self, packets: Iterator[Packet]) -> Iterator[Packet]:
        try:
            yield from packets
        except EventDataError as error:
            raise error if self._name is None else error.at(self._name) from None

    def _feed(self, data: Bytes) -> Iterator[Packet]:
        if self._decoder is None:
            data = self._head = self._head + bytes(data)
            if not self._start(complete=False):
                return
        assert self._decoder
        yield from self._decoder.feed(data)

    def _start(self, *, complete: bool) -> bool:
        found = _recognise(self._head, self._name, complete=complete)
        if found is None:
            return False
        self.format, self._head = found, b""
        if found == "text":
            self._decoder = TextDecoder(time_unit=self._time_unit)
        else:
            self._decoder = _DECODERS[found]()
        return True

    def _finish(self) -> Iterator[Packet]:
        if self._decoder is None:
            head = self._head
            self._start(complete=True)
            assert self._decoder
            yield from self._decoder.feed(head)
        yield from self._decoder.finish()

    def feed(self, data: Bytes) -> Iterator[Packet]:
        return self._named(self._feed(data))

    def finish(self) -> Iterator[Packet]:
        return self._named(self._finish())


def _read(path: Path, piece_bytes: int) -> Iterator[bytes]:
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "is a folder" if stat.S_ISDIR(mode) else "is no regular file"
            raise EventDataError(kind, source=str(path))
        with path.open("rb") as file:
            while data := file.read(piece_bytes):
                yield data
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "cannot be read"
        raise EventDataError(reason, source=str(path)) from None


@dataclass(frozen=True)
class Recording:
    """A file of events. ``sensor`` is None where neither the file nor the caller says it."""

    path: Path
    format: str
    sensor: SensorSize | None
    time_unit: TimeUnit | None = None

    def packets(self) -> Iterator[Packet]:
        """Yield the events from the start on, in packets of their own memory.

        Raises :class:`EventDataError`, naming the file, where it breaks.
        """
        decoder = SniffingDecoder(str(self.path), self.time_unit)
        for data in _read(self.path, _PIECE_BYTES):
            for events in decoder.feed(data):
                yield events.copy()
        for events in decoder.finish():
            yield events.copy()


def open_recording(
    path: Path | str, *, time_unit: TimeUnit | None = None, sensor: SensorSize | None = None
) -> Recording:
    """Recognise the file and read what it says of the sensor, which ``sensor`` overrides.

    Raises :class:`EventDataError`, naming the file, if it cannot be read or recognised.
    """
    path = Path(path)
    decoder = SniffingDecoder(str(path), time_unit)
    # The size stands before the first event, so what breaks before it loses no events.
    next(_first_packets(decoder, path), None)
    return Recording(path, decoder.format, sensor or decoder.sensor, time_unit)


def _first_packets(decoder: Decoder, path: Path) -> Iterator[Packet]:
    for data in _read(path, _HEAD_BYTES):
        yield from decoder.feed(data)
        if decoder.sensor is not None:
            return
    yield from decoder.finish()
