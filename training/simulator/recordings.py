"""Simulated recordings: which there are, making one, writing it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from events.aedat4 import write_aedat4
from events.dv_compression import Compression
from events.packet import Packet, SensorSize
from training.simulator.pixel import PixelParameters, simulate
from training.simulator.scenes import scene_kind

#: Share of the subjects who are kept for testing: 6 of 29, as in DVS-Gesture.
_TEST_SHARE = 6 / 29
#: Key of the generators of sensors; the scenes have their own.
_SENSOR = 3


@dataclass(frozen=True)
class Take:
    """One recording to be made: who does what, in which light, how often before."""

    scene: str
    seed: int
    subject: int
    label: str
    lighting: str
    repetition: int
    split: str

    @property
    def subject_name(self) -> str:
        """As ``labels.csv`` has it."""
        return f"subject-{self.subject + 1:02d}"

    @property
    def stem(self) -> str:
        """Path of the recording in its data set, without a suffix."""
        name = f"{self.label}-{self.lighting}-{self.repetition}"
        return f"recordings/{self.subject_name}/{name}"


def takes(
    scene: str,
    lightings: tuple[str, ...],
    *,
    seed: int,
    subjects: int,
    repetitions: int = 1,
    test_repetitions: int | None = None,
) -> list[Take]:
    """Every recording of a data set; the last subjects (6 of 29) are for testing.

    The split leaves at least one subject on each side, if there are two. Those for testing do
    everything ``test_repetitions`` times, or as often as the others.
    """
    labels = scene_kind(scene).labels
    test = max(1, round(subjects * _TEST_SHARE)) if subjects > 1 else 0
    often = {"train": repetitions, "test": test_repetitions or repetitions}
    splits = ["train"] * (subjects - test) + ["test"] * test
    return [
        Take(scene, seed, subject, label, lighting, repetition, split)
        for subject, split in enumerate(splits)
        for label in labels
        for lighting in lightings
        for repetition in range(often[split])
    ]


def draw_sensor(generator: np.random.Generator) -> PixelParameters:
    """A sensor's biases of one day: thresholds, bandwidth and noise differ a good deal."""
    threshold = 0.17 * 2.1 ** generator.random()
    return PixelParameters(
        threshold_on=threshold * generator.uniform(0.85, 1.18),
        threshold_off=threshold * generator.uniform(0.85, 1.18),
        threshold_mismatch=generator.uniform(0.02, 0.04),
        refractory_us=generator.uniform(300, 1000),
        cutoff_hz=generator.uniform(120, 400),
        leak_hz=generator.uniform(0.02, 0.15),
        shot_noise_hz=0.1 * 6 ** generator.random(),
    )


def record(take: Take, duration_us: int) -> tuple[Packet, SensorSize]:
    """The events of one recording, times from 0, the same for the same ``take``."""
    kind = scene_kind(take.scene)
    label, lighting = kind.labels.index(take.label), kind.lightings.index(take.lighting)
    key = (take.seed, _SENSOR, take.subject, label, lighting, take.repetition)
    generator = np.random.default_rng(key)
    scene = kind.make(take.seed, take.subject, take.label, take.lighting, take.repetition)
    return simulate(scene, duration_us, draw_sensor(generator), generator), scene.sensor


def _write_aedat4(path: Path, events: Packet, sensor: SensorSize) -> None:
    write_aedat4(path, [events], sensor, compression=Compression.ZSTD, source="Synthetic_1")


def _write_npz(path: Path, events: Packet, sensor: SensorSize) -> None:
    np.savez_compressed(
        path, t=events["t"], x=events["x"], y=events["y"], p=events["p"],
        width=sensor.width, height=sensor.height,
    )  # fmt: skip


#: Suffix and writer; ``npz`` holds arrays ``t`` (microseconds), ``x``, ``y``, ``p`` and the
#: sensor's ``width`` and ``height``.
FORMATS: MappingProxyType[str, Callable[[Path, Packet, SensorSize], None]] = MappingProxyType(
    {"aedat4": _write_aedat4, "npz": _write_npz}
)


def write_take(take: Take, folder: Path, duration_us: int, file_format: str) -> int:
    """Make one recording and write it below ``folder``; returns how many events it has.

    Raises OSError.
    """
    events, sensor = record(take, duration_us)
    path = folder / f"{take.stem}.{file_format}"
    path.parent.mkdir(parents=True, exist_ok=True)
    FORMATS[file_format](path, events, sensor)
    return len(events)
