"""What opens an enrolment: a key file or a passphrase."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from training.enrolment import private_file
from training.enrolment.sealed import KEY_BYTES
from training.errors import TrainingError

#: Environment variables: the path of a key file, or a passphrase.
KEY_VARIABLE = "ANONYNOISE_ENROLMENT_KEY"
PASSPHRASE_VARIABLE = "ANONYNOISE_ENROLMENT_PASSPHRASE"
SALT_BYTES = 16
_LEAST_CHARACTERS = 12
#: scrypt (RFC 7914) with 128 MiB, part of the format: not read from a file that could ask for more.
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 1 << 17, 8, 1


@dataclass(frozen=True)
class KeyFile:
    """32 random bytes in a file that only its owner may read."""

    path: Path

    def read(self) -> bytes:
        """The key. Raises :class:`TrainingError` for a file that is none, or open to others."""
        source = str(self.path)
        try:
            # A FIFO would wait for a writer.
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                mode = os.fstat(handle).st_mode
                key = file.read(KEY_BYTES + 1) if stat.S_ISREG(mode) else b""
        except OSError as error:
            raise TrainingError(error.strerror or "cannot be read", source=source) from None
        if len(key) != KEY_BYTES:
            raise TrainingError(f"is no key: not a file of {KEY_BYTES} bytes", source=source)
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise TrainingError("others may open this key: chmod 600", source=source)
        return key

    def write(self, key: bytes) -> None:
        """Put ``key`` where no file is yet. Raises :class:`TrainingError`."""
        try:
            private_file.write(self.path, key)
        except OSError as error:
            problem = error.strerror or "cannot be written"
            raise TrainingError(problem, source=str(self.path)) from None


@dataclass(frozen=True)
class Passphrase:
    """Words that a key is derived from with scrypt."""

    text: str = field(repr=False)

    def check(self) -> None:
        """Raise :class:`TrainingError` if it is too short to begin with."""
        if len(self.text) < _LEAST_CHARACTERS:
            raise TrainingError(
                f"has fewer than {_LEAST_CHARACTERS} characters", field="passphrase"
            )

    def derive(self, salt: bytes) -> bytes:
        """The key that belongs to the passphrase and ``salt``."""
        kdf = Scrypt(salt=salt, length=KEY_BYTES, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P)
        return kdf.derive(self.text.encode())


Secret = KeyFile | Passphrase


def secret_from_environment() -> Secret:
    """What the environment names. Raises :class:`TrainingError` if it names none or both."""
    path, text = os.environ.get(KEY_VARIABLE), os.environ.get(PASSPHRASE_VARIABLE)
    if bool(path) == bool(text):
        raise TrainingError(
            f"set {KEY_VARIABLE} to a key file, or {PASSPHRASE_VARIABLE}, and not both",
            field="enrolment's key",
        )
    return KeyFile(Path(path)) if path else Passphrase(text or "")
