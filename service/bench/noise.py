"""A window's noise, in milliseconds."""

import os
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from models.noise import NoiseSource
from service.bench.race import race
from service.bench.result import Effort, Goal, Result, Say

_CHANNELS = 10
_GOALS = {(128, 128): Goal(1, "at most"), (480, 640): Goal(20, "at most")}
#: Stays in a core's L2 cache.
_CHUNK_BYTES = 1 << 17
_AES_BLOCK_BYTES = 16


def _key_stream(nbytes: int) -> Callable[[], None]:
    """AES-256-CTR for so many bytes, each chunk over the one before."""
    zeros = memoryview(bytes(_CHUNK_BYTES))
    stream = bytearray(_CHUNK_BYTES + _AES_BLOCK_BYTES)

    def run() -> None:
        encryptor = Cipher(algorithms.AES(os.urandom(32)), modes.CTR(os.urandom(16))).encryptor()
        for start in range(0, nbytes, _CHUNK_BYTES):
            encryptor.update_into(zeros[: nbytes - start], stream)

    return run


def measure(effort: Effort, say: Say) -> Iterator[Result]:
    """Yield a result a window size."""
    source = NoiseSource()
    for (height, width), goal in _GOALS.items():
        say(f"noise {width}x{height}")
        out = np.empty((_CHANNELS, height, width), np.float32)
        timed = race(
            partial(source.normal, out),
            _key_stream(out.nbytes),
            budget_s=effort.choose(20, 1) / 10,
        )
        yield Result(
            family="noise",
            name=f"noise {_CHANNELS}x{height}x{width}",
            value=1e3 * timed.best_s,
            unit="ms",
            floor=1e3 * timed.best_floor_s,
            floor_of="the AES-256-CTR key stream alone",
            goal=goal,
            details=timed.details(),
        )
