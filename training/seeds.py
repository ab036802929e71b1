"""Random numbers that depend on what they are for, and on nothing that ran before.

So a training that was killed and resumed draws what it would have drawn.
"""

import hashlib

import numpy as np
import torch


def derive(*purpose: int | str) -> int:
    """A seed below 2**63 for ``purpose``, e.g. ``derive(seed, "pipeline", epoch)``."""
    text = "/".join(str(part) for part in purpose)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def numpy_generator(*purpose: int | str) -> np.random.Generator:
    """A numpy generator for ``purpose``."""
    return np.random.default_rng(derive(*purpose))


def torch_generator(device: torch.device, *purpose: int | str) -> torch.Generator:
    """A torch generator on ``device`` for ``purpose``."""
    return torch.Generator(device).manual_seed(derive(*purpose))
