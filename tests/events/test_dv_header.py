import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.dv_compression import Compression
from events.dv_header import DvHeader, DvStream, format_header, parse_header
from events.errors import EventDataError
from events.flatbuffer import prefixed
from events.packet import SensorSize

HEADER = DvHeader(
    (
        DvStream(0, "EVTS", SensorSize(346, 260), "DAVIS346_1"),
        DvStream(2, "IMUS", None, "DAVIS346_1"),
    ),
    Compression.ZSTD,
    1 << 33,
)


def with_xml(xml: bytes) -> memoryview:
    """A header around any XML."""
    whole = bytearray(format_header(DvHeader(())))
    start = struct.unpack_from("<I", whole, 4 + 24 + 8)[0] + 4 + 24 + 8
    body = bytes(whole[12:start]) + struct.pack("<I", len(xml)) + xml
    return memoryview(prefixed(b"IOHE", body, root=16))[4:]


def parse(xml: bytes) -> DvHeader:
    return parse_header(with_xml(xml), offset=4)


def stream(attributes: str, name: str = "0") -> bytes:
    return (
        f'<dv><node name="outInfo"><node name="{name}"><attr key="typeIdentifier">EVTS</attr>'
        f'<node name="info">{attributes}</node></node></node></dv>'
    ).encode()


def test_what_is_written_is_read_back() -> None:
    data = format_header(HEADER)
    assert struct.unpack_from("<I", data)[0] == len(data) - 4
    assert parse_header(memoryview(data)[4:], offset=4) == HEADER


@given(
    st.sampled_from(Compression),
    st.integers(-1, (1 << 63) - 1),
    st.text(max_size=20),
    st.integers(1, 32768),
)
def test_any_header_is_read_back(
    compression: Compression, position: int, source: str, width: int
) -> None:
    header = DvHeader((DvStream(5, "EVTS", SensorSize(width, 1), source),), compression, position)
    (read,) = parse_header(memoryview(format_header(header))[4:], offset=4).streams
    assert read.sensor == SensorSize(width, 1)
    printable = "".join(each if each.isprintable() else "?" for each in source)
    assert read.source == printable


def test_the_length_does_not_depend_on_the_data_table_position() -> None:
    lengths = {
        len(format_header(DvHeader(HEADER.streams, Compression.LZ4, position)))
        for position in (-1, 0, 14, (1 << 63) - 1)
    }
    assert len(lengths) == 1


def test_a_source_cannot_add_streams_of_its_own() -> None:
    evil = '</attr></node></node><node name="9"><attr key="typeIdentifier">EVTS</attr></node>'
    header = DvHeader((DvStream(0, "EVTS", SensorSize(1, 1), evil),))
    assert parse_header(memoryview(format_header(header))[4:], offset=4) == header


BOMB = b'<!DOCTYPE dv [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>' + stream(
    '<attr key="source">&b;</attr>'
)


@pytest.mark.parametrize(
    ("xml", "problem"),
    [
        (BOMB, "a document type is not allowed"),
        (b'<!DOCTYPE dv SYSTEM "file:///etc/passwd"><dv/>', "a document type is not allowed"),
        (b"<dv><node></dv>", "mismatched tag"),
        (b"", "no element found"),
        (b"\xff\xff", "not well-formed"),
        (stream('<attr key="sizeX">-1</attr><attr key="sizeY">1</attr>'), "sizeX is no whole"),
        (stream('<attr key="sizeX">1</attr><attr key="sizeY">99999</attr>'), "sizeY is no whole"),
        (stream('<attr key="sizeX">0</attr><attr key="sizeY">5</attr>'), "a sensor of no pixels"),
        (stream("", name="one"), "stream is no whole number"),
        (stream("", name="-1"), "stream is no whole number"),
        (stream("", name="9" * 30), "stream is no whole number"),
    ],
)
def test_a_bad_description_is_said_in_one_line(xml: bytes, problem: str) -> None:
    with pytest.raises(EventDataError) as caught:
        parse(xml)
    assert str(caught.value).startswith("offset 4: header: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_deep_nesting_is_read_without_recursion() -> None:
    depth = 100_000
    nested = b"<node>" * depth + b"</node>" * depth
    assert parse(b"<dv>" + nested + b"</dv>").streams == ()


def test_attributes_elsewhere_are_not_those_of_a_stream() -> None:
    assert parse(stream("").replace(b"outInfo", b"inInfo")).streams == ()


def test_an_unknown_compression_is_an_error() -> None:
    data = bytearray(format_header(HEADER))
    struct.pack_into("<i", data, 4 + 24 + 4, 9)
    with pytest.raises(EventDataError, match="offset 4: header: 9 is not a valid Compression"):
        parse_header(memoryview(bytes(data))[4:], offset=4)


@given(st.data())
def test_damage_is_an_error_or_another_header(data: st.DataObject) -> None:
    whole = bytearray(format_header(HEADER)[4:])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_header(memoryview(bytes(whole)), offset=4)
    except EventDataError as error:
        assert str(error).startswith("offset 4: header: ")
        assert "\n" not in str(error)
