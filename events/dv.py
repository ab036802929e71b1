"""The DV network protocol: what DV and dv-processing's NetworkWriter send over TCP.

::

    [u32 length][IOHE header]  ( [i32 stream][i32 size][payload] ) ...

A payload of an event stream, decompressed, is a size-prefixed flatbuffer ``EVTS`` whose one
vector holds 16-byte structs ``i64 t, i16 x, i16 y, bool polarity``, which is the layout of
:data:`events.packet.EVENT`. The client sends nothing. AEDAT4 files have the same body.
"""

import struct
from collections.abc import Callable, Iterator

import numpy as np

from events.decoder import Bytes, Decoder
from events.dv_compression import Compression, compress, decompress
from events.dv_header import (
    EVENTS,
    MAX_COORDINATE,
    DvHeader,
    DvStream,
    format_header,
    parse_header,
)
from events.errors import EventDataError
from events.flatbuffer import format_struct_vector, struct_vector
from events.packet import EVENT, Packet, SensorSize

_LENGTH = struct.Struct("<I")
_PACKET_HEADER = struct.Struct("<ii")
_LEAST_HEADER_BYTES = 8
_EVENTS = EVENTS.encode("ascii")
_PACKET = "packet header"
_Reader = Callable[[memoryview, int], Packet | None]
#: Number of the one stream that we write.
STREAM = 0
#: Most events in a packet that we write: 32 MiB, half of what a decoder takes.
MAX_PACKET_EVENTS = 1 << 21

_COORDINATES = np.uint64(0x7FFF_7FFF)
_SIGNS = np.uint64(0x8000_8000)
_POLARITY = np.uint64(0xFF_0000_0000)


class DvDecoder(Decoder):
    """Decodes the DV network protocol, fed in pieces cut at any byte.

    ``stream`` chooses one of several event streams by its number; by default the first.
    A header or packet that announces more than ``max_header_bytes`` or ``max_packet_bytes``
    is refused before a byte of it is kept, and so is a packet that unpacks into more:
    memory never grows beyond what arrived. Packets cannot be written to; where their place
    in the stream allows, they view the bytes fed.
    """

    format = "dv"
    #: Added to the error about a first field that no DV peer would send.
    _hint = "(is this a DV server?)"

    def __init__(
        self,
        *,
        stream: int | None = None,
        max_header_bytes: int = 1 << 20,
        max_packet_bytes: int = 1 << 26,
    ) -> None:
        #: The header, once it has arrived.
        self.header: DvHeader | None = None
        self._stream = stream
        self._streams: frozenset[int] = frozenset()
        self._compression = Compression.NONE
        self._max_header_bytes = max_header_bytes
        self._max_packet_bytes = max_packet_bytes
        self._partial = bytearray()
        self._offset = 0
        self._skip = 0
        # Where packets end and something else begins; None while, or where, they do not.
        self._end: int | None = None
        self._await_start()

    def _await(self, size: int, read: _Reader, name: str) -> None:
        """State that the next ``size`` bytes are ``name``, and that ``read`` takes them."""
        self._wanted = size
        self._read = read
        self._name = name

    def _await_start(self) -> None:
        self._await(_LENGTH.size, self._read_length, "header length")

    def _await_packet(self) -> None:
        self._await(_PACKET_HEADER.size, self._read_packet_header, _PACKET)

    def feed(self, data: Bytes) -> Iterator[Packet]:
        view = memoryview(data).toreadonly()
        position = 0
        while self._offset != self._end:
            if self._skip:
                skipped = min(self._skip, len(view) - position)
                if not skipped:
                    return
                position += skipped
                self._offset += skipped
                self._skip -= skipped
                continue
            missing = self._wanted - len(self._partial)
            piece = view[position : position + missing]
            if len(piece) < missing:
                self._partial += piece
                return
            position += missing
            if self._partial:
                self._partial += piece
                piece = memoryview(self._partial).toreadonly()
                self._partial = bytearray()
            start = self._offset
            self._offset += len(piece)
            events = self._read(piece, start)
            if events is not None and len(events):
                yield events

    def finish(self) -> Iterator[Packet]:
        missing = self._skip or self._wanted - len(self._partial)
        between_packets = self._name == _PACKET and not self._partial and not self._skip
        if self._end is None and between_packets:
            return
        if self._offset != self._end:
            raise EventDataError(
                f"cut off, at least {missing} bytes are missing",
                offset=self._offset + len(self._partial),
                field="payload" if self._skip else self._name,
            )
        yield from ()

    def _read_length(self, data: memoryview, offset: int) -> None:
        length: int = _LENGTH.unpack(data)[0]
        if not _LEAST_HEADER_BYTES <= length <= self._max_header_bytes:
            bound = (
                f"at least {_LEAST_HEADER_BYTES} expected"
                if length < _LEAST_HEADER_BYTES
                else f"at most {self._max_header_bytes} allowed"
            )
            raise EventDataError(
                f"{length} bytes announced, {bound} {self._hint}",
                offset=offset,
                field="header length",
            )
        self._await(length, self._read_header, "header")

    def _read_header(self, data: memoryview, offset: int) -> None:
        header = parse_header(data, offset=offset)
        stream = self._choose(header.streams, offset)
        if stream.sensor is None:
            raise EventDataError(
                f"stream {stream.id} has no sizeX and sizeY", offset=offset, field="header"
            )
        self._stream = stream.id
        self._streams = frozenset(each.id for each in header.streams)
        self._compression = header.compression
        self.header = header
        self.sensor = stream.sensor
        self._await_packet()

    def _choose(self, streams: tuple[DvStream, ...], offset: int) -> DvStream:
        for stream in streams:
            if stream.type_identifier == EVENTS and self._stream in (None, stream.id):
                return stream
        problem = (
            "no stream holds events"
            if self._stream is None
            else f"stream {self._stream} is not there or holds no events"
        )
        raise EventDataError(problem, offset=offset, field="header")

    def _read_packet_header(self, data: memoryview, offset: int) -> None:
        stream, size = _PACKET_HEADER.unpack(data)
        if stream not in self._streams:
            raise EventDataError(
                f"stream {stream} is not in the header", offset=offset, field=_PACKET
            )
        if not 0 <= size <= self._max_packet_bytes:
            raise EventDataError(
                f"{size} bytes announced, at most {self._max_packet_bytes} allowed",
                offset=offset,
                field=_PACKET,
            )
        if self._end is not None and self._offset + size > self._end:
            raise EventDataError(
                f"goes on past the data table at {self._end}", offset=offset, field=_PACKET
            )
        if stream == self._stream:
            self._await(size, self._read_payload, "payload")
        else:
            self._skip = size
            self._await_packet()

    def _read_payload(self, data: memoryview, offset: int) -> Packet:
        unpacked = decompress(data, self._compression, limit=self._max_packet_bytes, offset=offset)
        vector = struct_vector(unpacked, _EVENTS, EVENT.itemsize, offset=offset, field="payload")
        self._await_packet()
        # Kernels are compiled for aligned memory; a cut anywhere may have spoilt it.
        if not np.frombuffer(vector, np.uint64).flags.aligned:
            vector = memoryview(bytes(vector))
        return np.frombuffer(vector, EVENT)


class DvEncoder:
    """Writes the DV network protocol: one event stream, number 0.

    ``header`` opens the stream; every packet of events follows as :meth:`packet` has it.
    """

    def __init__(
        self,
        sensor: SensorSize,
        *,
        source: str = "AnonyNoise",
        compression: Compression = Compression.NONE,
        data_table_position: int = -1,
    ) -> None:
        self.sensor = sensor
        self.compression = compression
        stream = DvStream(STREAM, EVENTS, sensor, source)
        self.header = format_header(DvHeader((stream,), compression, data_table_position))

    def packet(self, events: Packet) -> bytes:
        """``events`` as one packet, its 8-byte header included.

        Raises :class:`EventDataError` for a coordinate that the wire's signed 16 bits do
        not hold, and ValueError for more than :data:`MAX_PACKET_EVENTS`.
        """
        if len(events) > MAX_PACKET_EVENTS:
            raise ValueError(f"{len(events)} events in a packet, at most {MAX_PACKET_EVENTS}")
        payload = compress(_event_flatbuffer(events), self.compression)
        return _PACKET_HEADER.pack(STREAM, len(payload)) + payload


def _event_flatbuffer(events: Packet) -> bytes:
    words = np.ascontiguousarray(events, EVENT).view("<u8").reshape(-1, 2)
    if (words[:, 1] & _SIGNS).any():
        axis = "x" if (events["x"] > MAX_COORDINATE).any() else "y"
        raise EventDataError(f"a coordinate above {MAX_COORDINATE} does not fit", field=axis)
    structs = np.empty_like(words)
    structs[:, 0] = words[:, 0]
    # Built from the fields alone: what lies between them in memory must not travel.
    structs[:, 1] = (words[:, 1] & _COORDINATES) | (
        ((words[:, 1] & _POLARITY) != 0).astype("<u8") << np.uint64(32)
    )
    return format_struct_vector(_EVENTS, len(events), structs.tobytes())
