"""Flatbuffers, as far as DV's network protocol and AEDAT4 need them.

A flatbuffer is tables that point at each other by offsets. Every offset comes from the
peer, so each is checked before it is followed. Layout: flatbuffers.dev, "Internals".

::

    [u32 size] [u32 -> root] [4-byte identifier] ... [vtable] [table] [vector or string] ...
"""

import struct
from dataclasses import dataclass

from events.errors import EventDataError

_U16 = struct.Struct("<H")
_I32 = struct.Struct("<i")
_U32 = struct.Struct("<I")
_I64 = struct.Struct("<q")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a flatbuffer, the buffer being ``data`` without its size prefix.

    ``offset`` and ``field`` say in errors where the buffer lies and what it is.
    """

    data: memoryview
    position: int
    vtable: int
    vtable_bytes: int
    offset: int
    field: str

    @classmethod
    def root(cls, data: memoryview, identifier: bytes, *, offset: int, field: str) -> "Table":
        """The root table. Raises :class:`EventDataError` if the identifier differs."""
        if data[4:8] != identifier:
            raise EventDataError(
                f"identifier is not {identifier.decode('ascii')}", offset=offset, field=field
            )
        unread = cls(data, 0, 0, 0, offset, field)
        position = unread._follow(0)
        vtable = position - unread._read(_I32, position)
        return cls(data, position, vtable, unread._read(_U16, vtable), offset, field)

    def _read(self, layout: struct.Struct, position: int) -> int:
        if not 0 <= position <= len(self.data) - layout.size:
            raise self._error("an offset points out of the buffer")
        value: int = layout.unpack_from(self.data, position)[0]
        return value

    def _follow(self, position: int) -> int:
        return position + self._read(_U32, position)

    def _slot(self, slot: int) -> int | None:
        """Position of the field in slot ``slot``; None if the table leaves it out."""
        entry = 4 + 2 * slot
        if entry + 2 > self.vtable_bytes:
            return None
        distance = self._read(_U16, self.vtable + entry)
        return self.position + distance if distance else None

    def _error(self, problem: str) -> EventDataError:
        return EventDataError(problem, offset=self.offset, field=self.field)

    def i32(self, slot: int, default: int) -> int:
        """A 32-bit integer."""
        position = self._slot(slot)
        return default if position is None else self._read(_I32, position)

    def i64(self, slot: int, default: int) -> int:
        """A 64-bit integer."""
        position = self._slot(slot)
        return default if position is None else self._read(_I64, position)

    def vector(self, slot: int, item_bytes: int) -> memoryview:
        """The bytes of a vector of structs or scalars, not copied; empty if left out."""
        position = self._slot(slot)
        if position is None:
            return self.data[:0]
        start = self._follow(position) + _U32.size
        stop = start + self._read(_U32, start - _U32.size) * item_bytes
        if stop > len(self.data):
            raise self._error("a vector goes on past the end of the buffer")
        return self.data[start:stop]


# What writers of a table with one vector put before the vector's length: offset of the root,
# identifier, vtable (own size, table's size, the vector's place), table, the vector's offset.
_STRUCTS_HEAD = "<I4s2xHHHiI"
_STRUCTS_HEAD_BYTES = struct.calcsize(_STRUCTS_HEAD)


def _structs_head(identifier: bytes) -> bytes:
    return struct.pack(_STRUCTS_HEAD, 16, identifier, 6, 8, 4, 6, 4)


def struct_vector(
    data: memoryview, identifier: bytes, item_bytes: int, *, offset: int, field: str
) -> memoryview:
    """The bytes of the vector of structs that is all a size-prefixed flatbuffer holds.

    Not copied. Raises :class:`EventDataError`.
    """
    if len(data) < _U32.size or len(data) - _U32.size < _U32.unpack_from(data)[0]:
        raise EventDataError("shorter than its size prefix says", offset=offset, field=field)
    body = data[_U32.size : _U32.size + _U32.unpack_from(data)[0]]
    start = _STRUCTS_HEAD_BYTES + _U32.size
    # The usual layout needs no walk: small packets decode in half the time.
    if len(body) >= start and body[:_STRUCTS_HEAD_BYTES] == _structs_head(identifier):
        stop = start + item_bytes * _U32.unpack_from(body, _STRUCTS_HEAD_BYTES)[0]
        if stop <= len(body):
            return body[start:stop]
    return Table.root(body, identifier, offset=offset, field=field).vector(0, item_bytes)


def format_struct_vector(identifier: bytes, count: int, structs: bytes) -> bytes:
    """A size-prefixed flatbuffer that holds nothing but ``count`` structs, aligned to 16."""
    head = _structs_head(identifier) + _U32.pack(count)
    return _U32.pack(len(head) + len(structs)) + head + structs


def prefixed(identifier: bytes, body: bytes, *, root: int) -> bytes:
    """A size-prefixed flatbuffer: behind the identifier lies ``body``, with the root table at
    ``root``. What is 4 more than a multiple of 8 into ``body`` is aligned to 8.
    """
    return struct.pack("<II4s", 8 + len(body), 8 + root, identifier) + body
