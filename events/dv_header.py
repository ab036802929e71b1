"""The header of a DV network stream and of an AEDAT4 file.

A size-prefixed flatbuffer ``IOHE`` (dv-processing, ``IOHeader.fbs``): compression, position of
the file's data table, and an XML tree that describes the streams::

    <dv><node name="outInfo"><node name="0">           stream 0
        <attr key="typeIdentifier">EVTS</attr>
        <node name="info"><attr key="sizeX">128</attr> ...
"""

import struct
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import escape

from events.dv_compression import Compression
from events.errors import EventDataError
from events.flatbuffer import Table, prefixed
from events.packet import SensorSize

#: The largest coordinate that the wire's signed 16 bits hold.
MAX_COORDINATE = 32767
#: ``typeIdentifier`` of a stream of events; others are frames, inertia, triggers.
EVENTS = "EVTS"
_FIELD = "header"


@dataclass(frozen=True)
class DvStream:
    """One stream of a header. ``sensor`` is None where the header gives no size."""

    id: int
    type_identifier: str
    sensor: SensorSize | None = None
    source: str = ""


@dataclass(frozen=True)
class DvHeader:
    """What a DV peer or an AEDAT4 file says about itself.

    ``data_table_position`` is the offset in bytes of a file's data table; -1 on the wire and
    in a recording that was cut off.
    """

    streams: tuple[DvStream, ...]
    compression: Compression = Compression.NONE
    data_table_position: int = -1


class _StreamReader:
    """Collects the attributes of ``outInfo``'s streams from an XML tree of any depth."""

    def __init__(self) -> None:
        self.streams: dict[str, dict[str, str]] = {}
        self._path: list[str] = []
        self._key: str | None = None
        self._text: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "node":
            self._path.append(attributes.get("name", ""))
        elif tag == "attr":
            self._key = attributes.get("key")
            self._text = []

    def text(self, text: str) -> None:
        if self._key is not None:
            self._text.append(text)

    def end(self, tag: str) -> None:
        if tag == "node":
            self._path.pop()
        elif tag == "attr" and self._key is not None:
            match self._path:
                case ["outInfo", stream] | ["outInfo", stream, "info"]:
                    self.streams.setdefault(stream, {})[self._key] = "".join(self._text)
            self._key = None


def _refuse_doctype(*_: object) -> None:
    # A document type can define entities that grow a few bytes into gigabytes.
    raise ValueError("a document type is not allowed")


def _parse_streams(xml: bytes) -> dict[str, dict[str, str]]:
    reader = _StreamReader()
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.Parse(xml, True)
    return reader.streams


def _integer(text: str, name: str, largest: int) -> int:
    # int() also takes signs, spaces, underscores and digits of any script.
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > largest:
        raise ValueError(f"{name} is no whole number of at most {largest}")
    return int(text)


def _stream(name: str, attributes: dict[str, str]) -> DvStream:
    sensor = None
    if "sizeX" in attributes and "sizeY" in attributes:
        width = _integer(attributes["sizeX"], "sizeX", MAX_COORDINATE + 1)
        height = _integer(attributes["sizeY"], "sizeY", MAX_COORDINATE + 1)
        if not width or not height:
            raise ValueError("a sensor of no pixels")
        sensor = SensorSize(width, height)
    return DvStream(
        id=_integer(name, "stream", (1 << 31) - 1),
        type_identifier=attributes.get("typeIdentifier", ""),
        sensor=sensor,
        source=attributes.get("source", ""),
    )


def parse_header(data: memoryview, *, offset: int) -> DvHeader:
    """Read a header without its size prefix; ``offset`` is where it starts, for errors.

    Raises :class:`EventDataError`.
    """
    table = Table.root(data, b"IOHE", offset=offset, field=_FIELD)
    try:
        compression = Compression(table.i32(0, Compression.NONE))
        streams = [
            _stream(name, attributes)
            for name, attributes in _parse_streams(bytes(table.vector(2, 1))).items()
        ]
    except EventDataError:
        raise
    except (ValueError, expat.ExpatError) as error:
        raise EventDataError(str(error), offset=offset, field=_FIELD) from None
    return DvHeader(tuple(streams), compression, table.i64(1, -1))


def _attribute(key: str, kind: str, value: object) -> str:
    # Control characters cannot stand in XML at all.
    text = "".join(each if each.isprintable() else "?" for each in str(value))
    return f'<attr key="{key}" type="{kind}">{escape(text)}</attr>'


def _describe(stream: DvStream, compression: Compression) -> str:
    path = f"/mainloop/Recorder/outInfo/{stream.id}/"
    size = (
        _attribute("sizeX", "int", stream.sensor.width)
        + _attribute("sizeY", "int", stream.sensor.height)
        if stream.sensor
        else ""
    )
    return (
        f'<node name="{stream.id}" path="{path}">'
        + _attribute("compression", "string", compression.name)
        + _attribute("originalModuleName", "string", "capture")
        + _attribute("originalOutputName", "string", "events")
        + _attribute("typeDescription", "string", "Array of events (polarity ON/OFF).")
        + _attribute("typeIdentifier", "string", stream.type_identifier)
        + f'<node name="info" path="{path}info/">'
        + size
        + _attribute("source", "string", stream.source)
        + _attribute("tsOffset", "long", 0)
        + "</node></node>"
    )


def format_header(header: DvHeader) -> bytes:
    """Write a header, its size prefix included.

    The length does not depend on ``data_table_position``, so that a file's header can be
    written again, in place, once its table is.
    """
    xml = (
        '<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/">'
        + "".join(_describe(stream, header.compression) for stream in header.streams)
        + "</node></dv>"
    ).encode()
    # vtable: own size, table's size, and where in the table compression, position, XML lie.
    vtable = struct.pack("<6xHHHHH", 10, 20, 4, 12, 8)
    table = struct.pack("<iiIq", 10, int(header.compression), 12, header.data_table_position)
    text = struct.pack("<I", len(xml)) + xml + b"\0"
    body = vtable + table + text
    return prefixed(b"IOHE", body + bytes(-len(body) % 4), root=len(vtable))
