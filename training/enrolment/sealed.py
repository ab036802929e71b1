"""Encrypted files: the only form in which anything of an enrolment touches a disk.

::

    magic | nonce 12 | file key, wrapped 32 + 16 | chunk 0 | chunk 1 | ... | last chunk

Every file has a random key of its own, wrapped with AES-256-GCM under the owner's key and bound
to the file's ``name``: a file put in another's place does not open. A chunk is 64 KiB under
AES-256-GCM, the last one shorter; its nonce is its number (11 bytes) and whether it is the last
(1 byte), so that chunks that were changed, left out, repeated or put in another order are found,
and so is an end that was cut off. (The STREAM construction: Hoang, Reyhanitabar, Rogaway, Vizár,
CRYPTO 2015; as in age's file format.)

The wrapped key is written last, over zeros. What was killed before cannot be opened by anybody.
"""

import os
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from training.errors import TrainingError

KEY_BYTES = 32
#: Of a chunk, before it is encrypted.
CHUNK_BYTES = 1 << 16
MAGIC = b"anonynoise sealed 1\n"
_NONCE_BYTES = 12
_TAG_BYTES = 16
HEADER_BYTES = len(MAGIC) + _NONCE_BYTES + KEY_BYTES + _TAG_BYTES


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(_NONCE_BYTES - 1, "big") + bytes([last])


class Sealer:
    """Encrypts what is written into the empty ``file``, which :meth:`finish` makes readable."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._key = os.urandom(KEY_BYTES)
        self._cipher = AESGCM(self._key)
        self._number = 0
        self._buffer = bytearray()
        file.write(bytes(HEADER_BYTES))

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self._buffer += data
        # A full chunk waits until more comes: it may be the last.
        while len(self._buffer) > CHUNK_BYTES:
            self._chunk(bytes(self._buffer[:CHUNK_BYTES]), last=False)
            del self._buffer[:CHUNK_BYTES]

    def _chunk(self, data: bytes, *, last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, last), data, None))
        self._number += 1

    def finish(self, key: bytes, name: str) -> None:
        """Write the last chunk, then the file's key, wrapped with ``key`` and bound to ``name``."""
        self._chunk(bytes(self._buffer), last=True)
        nonce = os.urandom(_NONCE_BYTES)
        wrapped = AESGCM(key).encrypt(nonce, self._key, MAGIC + name.encode())
        self._file.seek(0)
        self._file.write(MAGIC + nonce + wrapped)
        self._file.flush()


def unsealed(file: BinaryIO, key: bytes, name: str, source: str) -> Iterator[bytes]:
    """The plain pieces of ``file``, each authentic; a whole file only if the iterator ends.

    ``source`` names it in errors. Raises :class:`TrainingError` for another key or name, and
    where the file was changed or cut off.
    """
    header = file.read(HEADER_BYTES)
    nonce, wrapped = header[len(MAGIC) :][:_NONCE_BYTES], header[len(MAGIC) + _NONCE_BYTES :]
    if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
        raise TrainingError("is no encrypted file, or was cut off", source=source)
    try:
        cipher = AESGCM(AESGCM(key).decrypt(nonce, wrapped, MAGIC + name.encode()))
    except InvalidTag:
        raise TrainingError(
            "does not open: another key, or it was changed or belongs elsewhere", source=source
        ) from None
    number = 0
    chunk = file.read(CHUNK_BYTES + _TAG_BYTES)
    while True:
        following = file.read(CHUNK_BYTES + _TAG_BYTES)
        try:
            yield cipher.decrypt(_nonce(number, not following), chunk, None)
        except InvalidTag:
            raise TrainingError(
                "was changed or cut off", source=source, field=f"chunk {number}"
            ) from None
        if not following:
            return
        chunk = following
        number += 1


def seal(data: bytes, key: bytes, name: str) -> bytes:
    """``data`` as a whole encrypted file."""
    file = BytesIO()
    sealer = Sealer(file)
    sealer.write(data)
    sealer.finish(key, name)
    return file.getvalue()


def unseal(data: bytes, key: bytes, name: str, source: str) -> bytes:
    """What :func:`seal` encrypted. Raises as :func:`unsealed`."""
    return b"".join(unsealed(BytesIO(data), key, name, source))
