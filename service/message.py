"""The wire: one anonymized window is one safetensors message.

The tensor ``anonymized`` ``[2T, H, W]`` is float32 or float16; the metadata are strings.
The same bytes go to a WebSocket, a REST read and the disk. A *windows stream* (``POST
/v1/anonymize``, ``anonynoise anonymize``, recordings) is a sequence of messages, each after
its length as little-endian uint32.
"""

import json
import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from events.errors import EventDataError
from models.verdict import Anonymized

TensorType = Literal["float32", "float16"]

MESSAGE_TYPE = "application/vnd.safetensors"
STREAM_TYPE = "application/vnd.anonynoise.windows"
#: Longest safetensors header and message that a reader accepts.
_MAX_HEADER_BYTES = 1 << 20
_MAX_MESSAGE_BYTES = 1 << 30


class Message:
    """One anonymized window, ready to be sent; encoded once a type, whoever reads it.

    Made only from an :class:`models.anonymizer.Anonymized`: raw windows have no way in.
    """

    def __init__(self, window: Anonymized, metadata: dict[str, str]) -> None:
        if not isinstance(window, Anonymized):
            raise TypeError("only anonymized windows become messages")
        self.metadata = metadata
        self._tensor = window.tensor

    @property
    def tensor(self) -> NDArray[np.float32]:
        """The anonymized window ``[2T, H, W]``."""
        return self._tensor

    @cached_property
    def _float32(self) -> bytes:
        return _serialize(self._tensor, "F32", self.metadata)

    @cached_property
    def _float16(self) -> bytes:
        return _serialize(self._tensor.astype(np.float16), "F16", self.metadata)

    def encode(self, dtype: TensorType) -> bytes:
        """The safetensors bytes; the same object for every reader of one type."""
        return self._float32 if dtype == "float32" else self._float16

    def header(self) -> dict[str, Any]:
        """What the message says without its tensor."""
        return {**self.metadata, "shape": list(self._tensor.shape)}


def _serialize(tensor: NDArray[Any], dtype: str, metadata: dict[str, str]) -> bytes:
    """One safetensors message, written in one copy.

    The library's own writer copies three times, on the event loop, between a window and
    its subscribers.
    """
    entry = {"dtype": dtype, "shape": tensor.shape, "data_offsets": (0, tensor.nbytes)}
    header = json.dumps({"__metadata__": metadata, "anonymized": entry}).encode()
    # The format pads the header with blanks, so that the tensor lies on 8 bytes.
    header += b" " * (-len(header) % 8)
    return b"".join((struct.pack("<Q", len(header)), header, tensor.data.cast("B")))


def decode_message(data: bytes) -> tuple[dict[str, str], NDArray[Any]]:
    """A message's metadata and its tensor ``anonymized``. Raises :class:`EventDataError`."""
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > _MAX_HEADER_BYTES:
            raise ValueError(f"header of {length} bytes")
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__", {})
        return metadata, load(data)["anonymized"]
    except Exception as error:
        raise EventDataError("not a window message", field="safetensors") from error


def frame(message: bytes) -> bytes:
    """``message`` as one element of a windows stream."""
    return struct.pack("<I", len(message)) + message


def read_windows(file: BinaryIO) -> Iterator[tuple[dict[str, str], NDArray[Any]]]:
    """Read a windows stream to its end. Raises :class:`EventDataError` where it breaks off."""
    offset = 0
    while prefix := file.read(4):
        length = struct.unpack("<I", prefix)[0] if len(prefix) == 4 else 0
        if not 8 < length <= _MAX_MESSAGE_BYTES:
            raise EventDataError("not a windows stream", offset=offset, field="length")
        data = file.read(length)
        if len(data) < length:
            raise EventDataError("breaks off inside a window", offset=offset)
        yield decode_message(data)
        offset += 4 + length
