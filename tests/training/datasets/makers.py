"""Small data sets in the published layouts, of random events."""

from pathlib import Path

import numpy as np
from PIL import Image

from events.aedat4 import write_aedat4
from events.packet import Packet, SensorSize, packet
from models.manifest import Representation
from tests.events.encoders import AEDAT31_HEADER, aedat31_polarity
from training.datasets.window_set import WindowSet

SENSOR = SensorSize(16, 12)


def representation(
    height: int | None = 12, width: int | None = 16, window_us: int = 10_000, bins: int = 5
) -> Representation:
    """A histogram of small windows."""
    return Representation(
        kind="histogram",
        bins=bins,
        window_us=window_us,
        height=height,
        width=width,
        channel_order="time,polarity(off,on)",
        dtype="float32",
    )


def events(
    seed: int, count: int = 400, span_us: int = 25_000, start_us: int = 0, side: int = 12
) -> Packet:
    """``count`` random events in time order, the first at ``start_us``."""
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(start_us, start_us + span_us, count))
    t[0] = start_us
    x, y = generator.integers(0, side, (2, count))
    return packet(t, x, y, generator.integers(0, 2, count))


def simulated(root: Path, subjects: int = 4, labels: int = 2, lightings: int = 2) -> Path:
    """A folder as ``anonynoise simulate`` writes it; the last subject is the test."""
    root.mkdir()
    rows = ["path,subject,label,lighting,split"]
    seed = 0
    for subject in range(subjects):
        for label in range(labels):
            for lighting in range(lightings):
                seed += 1
                name = f"{subject}-{label}-{lighting}.aedat4"
                write_aedat4(root / name, [events(seed)], SENSOR)
                split = "test" if subject == subjects - 1 else "train"
                rows.append(f"{name},subject-{subject:02d},class-{label},light-{lighting},{split}")
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    (root / "simulation.json").write_text("{}\n")
    return root


def session(root: Path, name: str, trials: int = 11, seed: int = 0) -> Path:
    """A session of DVS-Gesture: ``trials`` gestures of 25 ms, 5 ms apart."""
    root.mkdir(exist_ok=True)
    rows = ["class,startTime_usec,endTime_usec"]
    body = b""
    for trial in range(trials):
        start_us = 1_000_000 + 30_000 * trial
        body += aedat31_polarity(events(seed + trial, start_us=start_us))
        rows.append(f"{trial + 1},{start_us},{start_us + 25_000}")
    (root / f"{name}_labels.csv").write_text("\n".join(rows) + "\n")
    path = root / f"{name}.aedat"
    path.write_bytes(AEDAT31_HEADER + body)
    return path


def sequence(
    root: Path, subject: int, emotion: str, number: int, frames: int = 6, seed: int = 0
) -> Path:
    """A sequence of SEE, frames of 20x16 with one bright and one dark pixel block each."""
    name = f"{number}_{subject:03d}_man_24_Master_normal_{emotion}_{frames}_take000"
    path = root / "event" / emotion / name
    path.mkdir(parents=True)
    generator = np.random.default_rng(seed)
    for frame in range(frames):
        picture = np.full((16, 24), 128, np.uint8)
        y, x = generator.integers(0, 2, 2) * 8
        picture[y : y + 8, x : x + 8] = 255
        picture[:8, 16:] = 0
        Image.fromarray(picture).save(path / f"{frame:05d}.jpg", quality=95)
    return path


def window_set(subject: list[int], label: list[int], recording: list[int]) -> WindowSet:
    """A set without pictures; lighting or camera is the recording's parity."""
    numbers = np.array(recording, np.int64)
    return WindowSet(
        np.zeros((len(subject), 2, 1, 1), np.uint8),
        np.array(subject, np.int64),
        np.array(label, np.int64),
        numbers,
        numbers % 2,
    )
