"""How DV packs a packet: not at all, as an LZ4 frame or as a Zstandard frame.

A decompression bomb is a few bytes that unpack into gigabytes. Output is therefore taken in
pieces, and no size that a frame announces is believed.
"""

from collections.abc import Callable
from enum import IntEnum

import lz4.frame
import zstandard

from events.errors import EventDataError

#: Events rarely pack better than this, so that one piece is mostly enough.
_USUAL_RATIO = 6
_LEAST_BYTES = 1 << 12
#: Zstandard's own default bound is 128 MiB, allocated because a frame's header says so.
_MAX_WINDOW_BYTES = 1 << 23


class Compression(IntEnum):
    """``CompressionType`` of dv-processing's ``IOHeader.fbs``."""

    NONE = 0
    LZ4 = 1
    LZ4_HIGH = 2
    ZSTD = 3
    ZSTD_HIGH = 4


def _gather(read: Callable[[int], bytes], size: int, limit: int) -> memoryview:
    """Read pieces until an empty one; refuse more than ``limit`` bytes in all."""
    pieces: list[bytes] = []
    total = 0
    while piece := read(min(size, limit + 1 - total)):
        pieces.append(piece)
        total += len(piece)
        if total > limit:
            raise ValueError(f"more than {limit} bytes when decompressed")
        size *= 2
    return memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))


def _lz4(data: memoryview, limit: int) -> memoryview:
    frame = lz4.frame.LZ4FrameDecompressor()
    rest: memoryview | bytes = data

    def read(size: int) -> bytes:
        nonlocal rest
        if frame.eof:
            return b""
        piece: bytes = frame.decompress(rest, max_length=size)
        rest = b""
        return piece

    unpacked = _gather(read, max(_LEAST_BYTES, _USUAL_RATIO * len(data)), limit)
    if not frame.eof:
        raise ValueError("the LZ4 frame is cut off")
    if frame.unused_data:
        raise ValueError("bytes follow the LZ4 frame")
    return unpacked


def _zstd(data: memoryview, limit: int) -> memoryview:
    frame = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    with frame.stream_reader(data) as reader:
        return _gather(reader.read, max(_LEAST_BYTES, _USUAL_RATIO * len(data)), limit)


def decompress(
    data: memoryview, compression: Compression, *, limit: int, offset: int
) -> memoryview:
    """``data`` unpacked, ``data`` itself where it is not packed.

    Raises :class:`EventDataError` naming ``offset`` for a damaged frame, and for one that
    unpacks into more than ``limit`` bytes.
    """
    if compression is Compression.NONE:
        return data
    unpack = _lz4 if compression in (Compression.LZ4, Compression.LZ4_HIGH) else _zstd
    try:
        return unpack(data, limit)
    except (RuntimeError, ValueError, EOFError, zstandard.ZstdError) as error:
        problem = str(error).splitlines()[0] if str(error) else "damaged"
        raise EventDataError(problem, offset=offset, field=f"{compression.name} packet") from None


def compress(data: bytes, compression: Compression) -> bytes:
    """``data`` as one packet's payload."""
    match compression:
        case Compression.NONE:
            return data
        case Compression.LZ4 | Compression.LZ4_HIGH:
            level = 0 if compression is Compression.LZ4 else lz4.frame.COMPRESSIONLEVEL_MINHC
            packed: bytes = lz4.frame.compress(data, compression_level=level, store_size=False)
            return packed
        case Compression.ZSTD | Compression.ZSTD_HIGH:
            level = 1 if compression is Compression.ZSTD else 9
            return zstandard.ZstdCompressor(level).compress(data)
