"""Standard normals that nobody can predict or repeat.

Privacy invariant 2. A seedable generator, or one whose state can be found from a few bare
outputs, lets an attacker subtract the noise: ONNX Runtime's own was recovered from six.
So there is no seed and no key to give here. Every draw takes a fresh AES-256 key and counter
from the operating system and forgets them: a key never outlives its draw, so that memory
read later holds no key of noise already published, and a forked process or a second thread
has nothing to share.
"""

import os

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from models.box_muller import box_muller

# Pairs of normals made at a time: key stream and scratch together stay near a core's L2 cache,
# and a small window is one piece, because between pieces the interpreter's lock changes hands.
_PAIRS = 1 << 15
_ZEROS = memoryview(bytes(8 * _PAIRS))
_AES_BLOCK_BYTES = 16


class NoiseSource:
    """Independent standard normals from AES-256-CTR, keyed by the operating system.

    Without state, hence safe to use from any thread and after a fork.
    """

    __slots__ = ()

    def normal(self, out: NDArray[np.float32]) -> None:
        """Fill ``out`` (C-contiguous, any shape) with independent standard normals.

        The uniforms have 32 bits, so the tails reach 6.7 standard deviations.
        Raises ValueError for an array that cannot be filled in place.
        """
        if out.dtype != np.float32 or not out.flags.c_contiguous or not out.flags.writeable:
            raise ValueError("noise needs a writable, C-contiguous float32 array")
        flat = out.reshape(-1)
        cipher = Cipher(algorithms.AES(os.urandom(32)), modes.CTR(os.urandom(16)))
        encryptor = cipher.encryptor()
        stream = bytearray(8 * _PAIRS + _AES_BLOCK_BYTES)
        words = np.frombuffer(stream, np.uint32, 2 * _PAIRS)
        radius = np.empty(_PAIRS, np.float32)
        for start in range(0, flat.size, 2 * _PAIRS):
            chunk = flat[start : start + 2 * _PAIRS]
            pairs = (chunk.size + 1) // 2
            encryptor.update_into(_ZEROS[: 8 * pairs], stream)
            box_muller(
                words[:pairs],
                words[pairs : 2 * pairs].view(np.int32),
                radius[:pairs],
                chunk[:pairs],
                chunk[pairs:],
            )
        words.fill(0)
        radius.fill(0)
