"""Windows to anonymize, and what became of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.anonymizer import Anonymizer
from models.repository import Model
from models.verdict import Anonymized, Rejected


def counts(windows: int = 1, channels: int = 4, height: int = 64, width: int = 64) -> Any:
    generator = np.random.default_rng(windows)
    return generator.poisson(0.3, (windows, channels, height, width)).astype(np.uint16)


def tensors(verdicts: list[Anonymized | Rejected]) -> NDArray[np.float32]:
    assert all(isinstance(verdict, Anonymized) for verdict in verdicts), verdicts
    return np.stack([verdict.tensor for verdict in verdicts if isinstance(verdict, Anonymized)])


def causes(verdicts: list[Anonymized | Rejected]) -> list[str | None]:
    return [verdict.cause if isinstance(verdict, Rejected) else None for verdict in verdicts]


def opened(model: Model, **options: Any) -> Anonymizer:
    return Anonymizer(model, device="cpu", threads=1, **options)
