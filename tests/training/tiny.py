"""A made-up data set and configuration on which every stage takes a moment."""

from typing import Any

import numpy as np

from training.config import Config, load_config
from training.datasets.window_set import Dataset, WindowSet

SIDE = 32


def tiny_config(*overrides: str) -> Config:
    """``smoke`` for windows of 32x32."""
    size = [f"representation.{side}={SIDE}" for side in ("height", "width")]
    return load_config("smoke", [*size, "compute.threads=1", *overrides])


def tiny_dataset(subjects: int = 6, labels: int = 3, tests: int = 2, **parts: Any) -> Dataset:
    """Bright rows tell the label, bright columns the person; the last ``tests`` are the test."""
    generator = np.random.default_rng(0)

    def split(people: range) -> WindowSet:
        rows = [(s, k, r) for s in people for k in range(max(labels, 1)) for r in range(4)]
        subject, label, _ = np.array(rows, np.int64).T
        windows = generator.poisson(0.3, (len(rows), 10, SIDE, SIDE)).astype(np.uint8)
        for window, s, k in zip(windows, subject, label, strict=True):
            window[:, 8 * k : 8 * k + 6] += 4
            window[:, :, 5 * s : 5 * s + 3] += 4
        return WindowSet(
            windows=windows,
            subject=subject.copy(),
            label=label.copy() if labels else np.full(len(rows), -1),
            recording=np.arange(len(rows)),
            condition=np.arange(len(rows)) % 2,
        )

    fields: dict[str, Any] = {
        "name": "simulated",
        "subjects": tuple(f"subject-{s}" for s in range(subjects)),
        "labels": tuple(f"label-{k}" for k in range(labels)),
        "conditions": ("natural", "led"),
        "train": split(range(subjects - tests)),
        "test": split(range(subjects - tests, subjects)),
    }
    return Dataset(**fields | parts)
