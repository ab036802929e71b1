import struct

import flatbuffers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import EventDataError
from events.flatbuffer import Table, format_struct_vector, struct_vector


def build(item: bytes, count: int, *, extra_field: bool = False) -> bytes:
    """A table whose one vector holds ``count`` structs of 16 bytes, by Google's own builder."""
    builder = flatbuffers.Builder(64)
    builder.StartVector(16, count, 8)
    for _ in range(count):
        builder.Pad(16 - len(item))
        for byte in reversed(item):
            builder.PrependByte(byte)
    vector = builder.EndVector()
    builder.StartObject(2 if extra_field else 1)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    if extra_field:
        builder.PrependInt64Slot(1, 7, 0)
    builder.FinishSizePrefixed(builder.EndObject(), file_identifier=b"EVTS")
    return bytes(builder.Output())


def read(data: bytes) -> bytes:
    return bytes(struct_vector(memoryview(data), b"EVTS", 16, offset=40, field="payload"))


@pytest.mark.parametrize("extra_field", [False, True])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_reads_what_the_flatbuffers_library_writes(count: int, extra_field: bool) -> None:
    assert read(build(b"abcdefghijklmnop", count, extra_field=extra_field)) == (
        b"abcdefghijklmnop" * count
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_flatbuffers_library_reads_what_we_write(count: int) -> None:
    structs = np.arange(16 * count, dtype=np.uint8).tobytes()
    data = format_struct_vector(b"EVTS", count, structs)
    assert flatbuffers.util.GetSizePrefix(data, 0) == len(data) - 4
    body = data[4:]
    assert flatbuffers.util.BufferHasIdentifier(body, 0, b"EVTS")
    root = flatbuffers.encode.Get(flatbuffers.packer.uoffset, body, 0)
    table = flatbuffers.table.Table(body, root)
    field = table.Offset(4)
    assert table.VectorLen(field) == count
    start = table.Vector(field)
    assert body[start : start + 16 * count] == structs
    # 64-bit times want aligned memory.
    assert (start + 4) % 8 == 0


def test_an_absent_vector_is_empty() -> None:
    builder = flatbuffers.Builder(16)
    builder.StartObject(1)
    builder.FinishSizePrefixed(builder.EndObject(), file_identifier=b"EVTS")
    assert read(bytes(builder.Output())) == b""


def test_scalars_and_their_defaults() -> None:
    builder = flatbuffers.Builder(16)
    builder.StartObject(3)
    builder.PrependInt32Slot(0, -5, 0)
    builder.PrependInt64Slot(1, 1 << 40, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"TEST")
    table = Table.root(memoryview(bytes(builder.Output())), b"TEST", offset=0, field="f")
    assert (table.i32(0, 1), table.i64(1, 1), table.i32(2, 9), table.i64(99, 8)) == (
        *(-5, 1 << 40),
        *(9, 8),
    )


def test_another_identifier_is_named() -> None:
    data = build(b"x", 1).replace(b"EVTS", b"FRME")
    with pytest.raises(EventDataError, match="offset 40: payload: identifier is not EVTS"):
        read(data)


def test_every_truncation_is_an_error() -> None:
    data = build(b"abcdefghijklmnop", 2)
    for size in range(len(data)):
        with pytest.raises(EventDataError, match="offset 40: payload: shorter than its size"):
            read(data[:size])


def test_a_vector_that_announces_4_gib_is_an_error() -> None:
    data = bytearray(format_struct_vector(b"EVTS", 1, bytes(16)))
    struct.pack_into("<I", data, 28, 0xFFFFFFFF)
    with pytest.raises(EventDataError, match="past the end of the buffer"):
        read(bytes(data))


@given(st.data())
def test_damage_is_an_error_or_other_structs_never_anything_else(data: st.DataObject) -> None:
    whole = bytearray(build(b"abcdefghijklmnop", 2, extra_field=data.draw(st.booleans())))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert len(read(bytes(whole))) % 16 == 0
    except EventDataError as error:
        assert str(error).startswith("offset 40: payload: ")


@given(st.binary(max_size=80))
def test_noise_is_an_error(data: bytes) -> None:
    with pytest.raises(EventDataError):
        read(data)
