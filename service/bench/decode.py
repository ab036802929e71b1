"""Decoding on one core: the DV wire and EVT 3.0, in M events/s."""

import struct
from collections.abc import Callable, Iterator, Sequence

import lz4.frame
import numpy as np
import zstandard

from events.decoder import Decoder
from events.dv import DvDecoder, DvEncoder
from events.dv_compression import Compression
from events.evt3 import Evt3Decoder
from events.packet import Packet, SensorSize
from service.bench.evt3_writer import evt3_stream, readout
from service.bench.race import race
from service.bench.result import Effort, Goal, Result, Say
from service.bench.synthetic import edge_events, uniform_events

_PIECE_BYTES = 1 << 20
_PACKET_EVENTS = 10_000
#: Event time for so many events: a busy camera's 10 M events/s.
_EVENTS_PER_US = 10
_READOUT_US = 50
_EVENT_BYTES = 16
_PACKET_HEADER_BYTES = 8
_SENSOR = SensorSize(640, 480)

_GOALS = {Compression.NONE: Goal(80), Compression.LZ4: Goal(60), Compression.ZSTD: None}


def measure(effort: Effort, say: Say) -> Iterator[Result]:
    """Yield a result a format; moving edges, which a camera sees, are held to the goal."""
    count = effort.choose(4_000_000, 100_000)
    budget_s = effort.choose(40, 1) / 10
    edges = edge_events(count, _SENSOR, count // _EVENTS_PER_US)
    uniform = uniform_events(count, _SENSOR, count // _EVENTS_PER_US)
    for compression, goal in _GOALS.items():
        packing = "uncompressed" if compression is Compression.NONE else compression.name
        name = f"DV wire, {packing}, moving edges"
        say(name)
        yield _dv(edges, compression, goal, name, budget_s)
    name = "DV wire, LZ4, uniform events"
    say(name)
    yield _dv(uniform, Compression.LZ4, None, name, budget_s)
    name = "EVT 3.0 stream, moving edges"
    say(name)
    yield _evt3(edges, Goal(40), name, budget_s)
    name = "EVT 3.0 stream, uniform events"
    say(name)
    yield _evt3(uniform, None, name, budget_s)


def _pieces(data: bytes) -> list[bytes]:
    """``data`` as a socket might deliver it."""
    return [data[at : at + _PIECE_BYTES] for at in range(0, len(data), _PIECE_BYTES)]


def _decode(
    decoder: Decoder, pieces: Sequence[bytes], touch: Callable[[Packet], int]
) -> tuple[int, int]:
    """Number of events, and the sum of what ``touch`` says of each packet."""
    count = total = 0
    for piece in pieces:
        for events in decoder.feed(piece):
            count += len(events)
            total += touch(events)
    return count, total


def _sum(events: Packet) -> int:
    """Read every event: a packet that views the bytes fed has cost nothing yet."""
    return int(events["t"].sum())


def _last(events: Packet) -> int:
    """Read one event: all were written just now."""
    return int(events["t"][-1])


def _dv(
    events: Packet, compression: Compression, goal: Goal | None, name: str, budget_s: float
) -> Result:
    encoder = DvEncoder(_SENSOR, compression=compression)
    packets = [
        encoder.packet(events[at : at + _PACKET_EVENTS])
        for at in range(0, len(events), _PACKET_EVENTS)
    ]
    data = encoder.header + b"".join(packets)
    pieces = _pieces(data)
    if compression is Compression.NONE:
        floor, floor_of = _read(pieces), "the same sum over the bytes as they come"
    else:
        payloads = [packet[_PACKET_HEADER_BYTES:] for packet in packets]
        floor, floor_of = _unpack(payloads, compression)
    timed = race(lambda: _decode(DvDecoder(), pieces, _sum), floor, budget_s=budget_s)
    assert _decode(DvDecoder(), pieces, _sum) == (len(events), _sum(events))
    return Result(
        family="decode",
        name=name,
        value=len(events) / timed.best_s / 1e6,
        unit="M events/s",
        floor=len(events) / timed.best_floor_s / 1e6,
        floor_of=floor_of,
        goal=goal,
        note=f"640x480; {len(data) / len(events):.1f} bytes an event",
        details={"bytes": len(data), "events": len(events), **timed.details()},
    )


def _read(pieces: Sequence[bytes]) -> Callable[[], object]:
    def run() -> None:
        for piece in pieces:
            _sum_times(piece)

    return run


def _sum_times(data: bytes) -> int:
    """The sum of every second 64-bit word, wherever in ``data`` the first event lies."""
    words = np.frombuffer(data, np.int64, len(data) // _EVENT_BYTES * 2)
    return int(words.reshape(-1, 2)[:, 0].sum())


def _unpack(
    payloads: Sequence[bytes], compression: Compression
) -> tuple[Callable[[], object], str]:
    unpack: Callable[[bytes], bytes]
    if compression is Compression.LZ4:
        unpack, floor_of = lz4.frame.decompress, "bare lz4.frame.decompress and the same sum"
    else:
        # The frames state no size that could be relied on, so one is given.
        size = (1 + _PACKET_EVENTS) * _EVENT_BYTES + _PIECE_BYTES
        decompressor = zstandard.ZstdDecompressor()
        floor_of = "bare zstandard decompress and the same sum"

        def unpack(payload: bytes) -> bytes:
            return decompressor.decompress(payload, max_output_size=size)

    def run() -> None:
        for payload in payloads:
            _sum_times(unpack(payload))

    return run, floor_of


def _evt3(events: Packet, goal: Goal | None, name: str, budget_s: float) -> Result:
    read = readout(events, _READOUT_US)
    data = evt3_stream(read, _SENSOR)
    pieces = _pieces(data)
    words = len(data) // struct.calcsize("<H")

    def floor() -> None:
        for piece in pieces:
            np.frombuffer(piece, "<u2", len(piece) // 2).sum()

    timed = race(lambda: _decode(Evt3Decoder(), pieces, _last), floor, budget_s=budget_s)
    assert _decode(Evt3Decoder(), pieces, _sum) == (len(read), _sum(read))
    return Result(
        family="decode",
        name=name,
        value=len(read) / timed.best_s / 1e6,
        unit="M events/s",
        floor=len(read) / timed.best_floor_s / 1e6,
        floor_of="one numpy sum over the words",
        goal=goal,
        note=f"640x480; {words / len(read):.2f} words an event, vectors among them",
        details={"bytes": len(data), "events": len(read), **timed.details()},
    )
