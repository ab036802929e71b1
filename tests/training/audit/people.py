"""Made-up people whom even a small attacker can tell apart, and cases to attack."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.training.tiny import SIDE, tiny_config
from training.audit.case import Case
from training.audit.effort import EFFORT
from training.datasets.window_set import Dataset, WindowSet
from training.stages.cover import Cover, standard_normal

EFFORT_HERE = EFFORT["quick"].model_copy(
    update={
        "raw_epochs": 3,
        "epochs": 2,
        "windows": 48,
        "draws": (1, 2, 4, 16),
        "sample": 48,
        "noise_windows": 12,
    }
)


class Nothing(Cover):
    """What an anonymizer that keeps nothing publishes: noise."""

    name = "nothing"

    def __init__(self) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {}

    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return standard_normal(windows, generator)


def people(
    subjects: int = 10,
    tests: int = 4,
    *,
    labels: int = 2,
    windows: int = 4,
    conditions: int = 2,
    **parts: Any,
) -> Dataset:
    """The channels tell the person, the rows the label, the columns the light.

    The first five are louder for every second one. A recording of each person, label and light,
    of so many windows.
    """
    generator = np.random.default_rng(0)
    rate = generator.uniform(0.1, 3.0, (subjects, 10))
    rate[1::2, :5] += 3

    def split(numbers: range) -> WindowSet:
        rows = [
            (s, k, c, r)
            for r, (s, k, c) in enumerate(
                (s, k, c) for s in numbers for k in range(labels) for c in range(conditions)
            )
            for _ in range(windows)
        ]
        subject, label, condition, recording = np.array(rows, np.int64).T
        means = np.broadcast_to(rate[subject][:, :, None, None], (len(rows), 10, SIDE, SIDE)).copy()
        for mean, k, c in zip(means, label, condition, strict=True):
            mean[:, 8 * k : 8 * k + 4] += 2
            mean[:, :, 8 * c : 8 * c + 4] += 2
        return WindowSet(
            windows=generator.poisson(means).astype(np.uint8),
            subject=subject.copy(),
            label=label.copy(),
            recording=recording + 1000 * (numbers.start > 0),
            condition=condition.copy(),
        )

    fields: dict[str, Any] = {
        "name": "simulated",
        "subjects": tuple(f"subject-{s}" for s in range(subjects)),
        "labels": tuple(f"label-{k}" for k in range(labels)),
        "conditions": tuple(f"light-{c}" for c in range(conditions)),
        "train": split(range(subjects - tests)),
        "test": split(range(subjects - tests, subjects)),
    }
    return Dataset(**fields | parts)


def case(cover: Cover, folder: Path, dataset: Dataset | None = None, **effort: Any) -> Case:
    """An attack on ``cover`` that takes a moment."""
    return Case(
        dataset=people() if dataset is None else dataset,
        cover=cover,
        kind="model",
        config=tiny_config(
            "pretrain.learning_rate=1e-2",
            "posttrain.learning_rate=5e-3",
            "augment.rotation_degrees=0",
            "batch.windows_per_epoch=null",
            "evaluation.draws=6",
        ),
        effort=EFFORT_HERE.model_copy(update=effort),
        folder=folder,
        seed=0,
    )
