import asyncio
import struct
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise

import lz4.frame
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from events.aedat4 import Aedat4Decoder
from events.dv import MAX_PACKET_EVENTS, DvDecoder, DvEncoder
from events.dv_compression import Compression
from events.dv_header import DvHeader, DvStream, format_header
from events.errors import EventDataError
from events.flatbuffer import format_struct_vector
from events.packet import EVENT, Packet, SensorSize, packet
from tests.events.dv_oracles import HANG_S, joined, network_writer, with_faery
from tests.shared_data import shared

SENSOR = SensorSize(40, 30)


def some_events(count: int, seed: int = 0) -> Packet:
    rng = np.random.default_rng(seed)
    return packet(
        np.sort(rng.integers(0, 1 << 50, count)),
        rng.integers(0, 40, count),
        rng.integers(0, 30, count),
        rng.integers(0, 2, count),
    )


def wire(sizes: Iterable[int] = (3, 1, 50), compression: Compression = Compression.NONE) -> bytes:
    encoder = DvEncoder(SENSOR, compression=compression)
    packets = (encoder.packet(some_events(size, size)) for size in sizes)
    return encoder.header + b"".join(packets)


def decode(pieces: Iterable[bytes], decoder: DvDecoder | None = None) -> Packet:
    decoder = decoder or DvDecoder()
    parts = [events.copy() for data in pieces for events in decoder.feed(data)]
    parts += [events.copy() for events in decoder.finish()]
    return joined(parts)


def until_error(data: bytes, decoder: DvDecoder | None = None) -> tuple[int, str]:
    """How many events came before the error, and the error."""
    decoder = decoder or DvDecoder()
    count = 0
    with pytest.raises(EventDataError) as caught:
        for events in decoder.feed(data):
            count += len(events)
        for events in decoder.finish():
            count += len(events)
    assert "\n" not in str(caught.value)
    return count, str(caught.value)


@pytest.mark.parametrize("compression", Compression)
def test_what_is_encoded_is_decoded(compression: Compression) -> None:
    decoder = DvDecoder()
    events = decode([wire((3, 0, 50), compression)], decoder)
    assert (events == joined([some_events(3, 3), some_events(50, 50)])).all()
    assert decoder.sensor == SENSOR
    assert decoder.header and decoder.header.compression is compression


@given(st.sampled_from(Compression), st.lists(st.integers(0, 4000), max_size=40))
def test_where_the_stream_is_cut_makes_no_difference(
    compression: Compression, cuts: list[int]
) -> None:
    data = wire((3, 1, 50), compression)
    edges = [0, *sorted(cuts), len(data)]
    pieces = [data[start:stop] for start, stop in pairwise(edges)]
    assert (decode(pieces) == decode([data])).all()


def test_one_byte_at_a_time() -> None:
    data = wire()
    assert (decode(bytes([byte]) for byte in data) == decode([data])).all()


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD"])
async def test_ingests_from_dv_processings_network_writer(compression: str) -> None:
    path = shared("recordings/dvs128-hand-short.aedat4")
    expected = with_faery(path)
    decoder = DvDecoder()
    parts: list[Packet] = []
    async with network_writer(path, compression) as port, asyncio.timeout(HANG_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while sum(map(len, parts)) < len(expected):
            data = await reader.read(10_007)
            assert data
            parts += [events.copy() for events in decoder.feed(data)]
        writer.close()
    assert (joined(parts) == expected).all()
    assert decoder.sensor == SensorSize(128, 128)
    assert decoder.header and decoder.header.streams[0].source == "Oracle_1"
    assert decoder.header.compression.name == compression


def test_packets_can_be_read_in_place_by_compiled_kernels() -> None:
    data = wire((5, 6, 7))
    for cut in range(len(data) - 300, len(data)):
        decoder = DvDecoder()
        for piece in (data[:cut], data[cut:]):
            for events in decoder.feed(piece):
                assert events.dtype == EVENT
                assert events.view(np.uint64).flags.aligned
                assert not events.flags.writeable


def streams_of(*kinds: str) -> bytes:
    streams = tuple(DvStream(n, kind, SENSOR) for n, kind in enumerate(kinds))
    return format_header(DvHeader(streams))


def packet_of(stream: int, data: bytes) -> bytes:
    return struct.pack("<ii", stream, len(data)) + data


def events_of(stream: int, events: Packet) -> bytes:
    return struct.pack("<i", stream) + DvEncoder(SENSOR).packet(events)[4:]


def test_other_streams_are_skipped() -> None:
    data = (
        streams_of("FRME", "EVTS", "IMUS")
        + packet_of(0, b"\xff" * 1000)
        + events_of(1, some_events(4))
        + packet_of(2, b"")
        + packet_of(2, b"x")
        + events_of(1, some_events(5))
    )
    expected = joined([some_events(4), some_events(5)])
    assert (decode([data]) == expected).all()
    assert (decode(bytes([byte]) for byte in data) == expected).all()


def test_of_several_event_streams_the_first_or_the_chosen_one_is_taken() -> None:
    data = streams_of("EVTS", "EVTS") + events_of(0, some_events(4)) + events_of(1, some_events(5))
    assert len(decode([data])) == 4
    assert len(decode([data], DvDecoder(stream=1))) == 5
    assert until_error(data, DvDecoder(stream=2)) == (
        0,
        "offset 4: header: stream 2 is not there or holds no events",
    )


def test_a_stream_without_events_is_refused() -> None:
    assert until_error(streams_of("FRME"))[1] == "offset 4: header: no stream holds events"


def test_a_stream_without_a_sensor_size_is_refused() -> None:
    data = format_header(DvHeader((DvStream(0, "EVTS"),)))
    assert until_error(data)[1] == "offset 4: header: stream 0 has no sizeX and sizeY"


@pytest.mark.parametrize(
    ("greeting", "problem"),
    [
        (
            b"HTTP/1.1 400 Bad Request\r\n",
            "1347703880 bytes announced, at most 1048576 allowed (is this a DV server?)",
        ),
        (b"SSH-2.0-OpenSSH\r\n", "759714643 bytes announced, at most 1048576 allowed"),
        (b"\xff" * 64, "4294967295 bytes announced, at most 1048576 allowed"),
        (bytes(64), "0 bytes announced, at least 8 expected (is this a DV server?)"),
        (struct.pack("<I", 1 << 20 | 1), "1048577 bytes announced, at most 1048576 allowed"),
    ],
)
def test_a_peer_that_is_no_dv_server(greeting: bytes, problem: str) -> None:
    _, error = until_error(greeting)
    assert error.startswith(f"offset 0: header length: {problem}")


def test_a_header_that_is_none() -> None:
    assert until_error(struct.pack("<I", 64) + bytes(64))[1] == (
        "offset 4: header: identifier is not IOHE"
    )


def after_two_packets(data: bytes, compression: Compression = Compression.NONE) -> tuple[str, int]:
    """The error that ``data`` causes after two good packets, and where it starts."""
    before = wire((3, 1), compression)
    count, error = until_error(before + data)
    assert count == 4, "what came before is kept"
    return error, len(before)


def test_packet_headers_that_are_none() -> None:
    error, place = after_two_packets(struct.pack("<ii", 0, (1 << 26) + 1))
    assert error == (
        f"offset {place}: packet header: 67108865 bytes announced, at most 67108864 allowed"
    )
    error, place = after_two_packets(struct.pack("<ii", 0, -1))
    assert error.startswith(f"offset {place}: packet header: -1 bytes announced")
    error, place = after_two_packets(struct.pack("<ii", 7, 10))
    assert error == f"offset {place}: packet header: stream 7 is not in the header"


def test_payloads_that_are_none() -> None:
    error, place = after_two_packets(packet_of(0, b""))
    assert error == f"offset {place + 8}: payload: shorter than its size prefix says"
    error, place = after_two_packets(packet_of(0, b"\xff" * 100))
    assert error == f"offset {place + 8}: payload: shorter than its size prefix says"
    error, place = after_two_packets(packet_of(0, bytes(100)))
    assert error == f"offset {place + 8}: payload: identifier is not EVTS"


@pytest.mark.parametrize("compression", [Compression.LZ4, Compression.ZSTD])
def test_damaged_frames(compression: Compression) -> None:
    good = DvEncoder(SENSOR, compression=compression).packet(some_events(50))[8:]
    for data in (b"", b"no frame at all", good[:-1], good[: len(good) // 2], b"\0" + good):
        error, place = after_two_packets(packet_of(0, data), compression)
        assert error.startswith(f"offset {place + 8}: ")


@pytest.mark.parametrize("announce", [False, True])
@pytest.mark.parametrize("compression", [Compression.LZ4, Compression.ZSTD])
def test_a_decompression_bomb_takes_no_memory(compression: Compression, announce: bool) -> None:
    limit = 1 << 20
    data = format_struct_vector(b"EVTS", 1 << 20, bytes(16 << 20))
    if compression is Compression.LZ4:
        frame = lz4.frame.compress(data, store_size=announce)
    else:
        frame = zstandard.ZstdCompressor(write_content_size=announce).compress(data)
    assert len(frame) < limit // 8
    header = DvEncoder(SENSOR, compression=compression).header
    stream = header + packet_of(0, frame)
    del data
    tracemalloc.start()
    try:
        _, error = until_error(stream, DvDecoder(max_packet_bytes=limit))
        assert tracemalloc.get_traced_memory()[1] < 6 * limit
    finally:
        tracemalloc.stop()
    assert error == (
        f"offset {len(header) + 8}: {compression.name} packet: "
        f"more than {limit} bytes when decompressed"
    )


def test_a_zstandard_window_of_gigabytes_is_not_allocated() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    data = frame.compress(bytes(1000)) + frame.flush()
    _, error = until_error(
        DvEncoder(SENSOR, compression=Compression.ZSTD).header + packet_of(0, data)
    )
    assert "ZSTD packet: " in error


def test_what_a_header_announces_is_not_allocated_before_it_arrives() -> None:
    decoder = DvDecoder()
    list(decoder.feed(wire(()) + struct.pack("<ii", 0, 1 << 26)))
    tracemalloc.start()
    try:
        list(decoder.feed(bytes(1000)))
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.LZ4, Compression.ZSTD])
def test_cut_off_at_every_byte_all_whole_packets_are_kept(compression: Compression) -> None:
    data = wire((3, 1, 5), compression)
    ends = [len(wire((3, 1, 5)[:count], compression)) for count in range(4)]
    for size in range(len(data)):
        whole = sum(end <= size for end in ends) - 1
        kept = sum((3, 1, 5)[: max(whole, 0)])
        if size in ends:
            assert len(decode([data[:size]])) == kept
        else:
            count, error = until_error(data[:size])
            assert count == kept
            assert "cut off" in error
            assert error.startswith(f"offset {size}: ")


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.LZ4, Compression.ZSTD])
def test_damage_is_an_error_or_other_events(compression: Compression) -> None:
    whole = wire((3, 40), compression)
    rng = np.random.default_rng(1)
    tracemalloc.start()
    try:
        for _ in range(1500):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), rng.integers(1, 6)):
                damaged[place] = rng.integers(0, 256)
            try:
                decode([bytes(damaged)])
            except EventDataError as error:
                assert str(error).startswith("offset ")
                assert "\n" not in str(error)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_polarity_is_one_bit_and_padding_does_not_travel() -> None:
    events = some_events(2)
    raw = bytearray(events.tobytes())
    raw[12:16] = b"\x80\xaa\xbb\xcc"
    data = DvEncoder(SENSOR).packet(np.frombuffer(bytes(raw), EVENT))
    assert data[-32 + 12 : -32 + 16] == b"\1\0\0\0"


def test_events_that_numpy_repacked_are_encoded_alike() -> None:
    repacked = np.concatenate([some_events(3), some_events(2)])
    assert repacked.dtype.itemsize != EVENT.itemsize
    assert DvEncoder(SENSOR).packet(repacked) == DvEncoder(SENSOR).packet(repacked.astype(EVENT))


@pytest.mark.parametrize("axis", ["x", "y"])
def test_coordinates_that_the_wire_does_not_hold_are_refused(axis: str) -> None:
    events = some_events(3)
    events[axis][1] = 32767
    DvEncoder(SENSOR).packet(events)
    events[axis][1] = 32768
    with pytest.raises(EventDataError, match=f"^{axis}: a coordinate above 32767"):
        DvEncoder(SENSOR).packet(events)


def test_a_packet_that_no_decoder_would_take_is_refused() -> None:
    with pytest.raises(ValueError, match="2097153 events in a packet, at most 2097152"):
        DvEncoder(SENSOR).packet(np.zeros(MAX_PACKET_EVENTS + 1, EVENT))


def test_files_and_the_wire_hold_the_same_packets() -> None:
    data = shared("recordings/dvs128-hand-short.aedat4").read_bytes()
    decoder = Aedat4Decoder()
    parts = [events.copy() for events in decoder.feed(data)]
    assert decoder.sensor
    encoder = DvEncoder(decoder.sensor, compression=Compression.LZ4)
    again = decode([encoder.header, *map(encoder.packet, parts)])
    assert (again == joined(parts)).all()
