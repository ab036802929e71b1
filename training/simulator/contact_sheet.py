"""A picture to look at: subjects below each other, labels side by side."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from events.packet import Packet, SensorSize
from training.simulator.recordings import Take, record
from training.simulator.scenes import scene_kind

_SPAN_US = (100_000, 400_000)
_MOST_SUBJECTS = 6
_GAMMA = 0.45
#: Darkness that one event adds.
_EVENT_SHADE = 50


def picture(intensity: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Intensity ``[H, W]`` as grey ``[H, W, 3]``."""
    grey = 255 * (intensity / intensity.max()) ** _GAMMA
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)


def event_picture(events: Packet, sensor: SensorSize) -> NDArray[np.uint8]:
    """Events as ``[H, W, 3]``: on blue, off red, on white."""
    counts = np.zeros((2, sensor.height, sensor.width), np.int64)
    np.add.at(counts, ((events["p"] != 0).astype(int), events["y"], events["x"]), 1)
    off, on = _EVENT_SHADE * counts
    colour: NDArray[np.int64] = 255 - np.stack([on, on + off, off], axis=2)
    return np.maximum(colour, 0).astype(np.uint8)


def contact_sheet(takes: list[Take]) -> Image.Image:
    """The first subjects' labels: what the camera looks at, and 0.3 s of events below it.

    Lightings take turns from label to label.
    """
    kind = scene_kind(takes[0].scene)
    lightings = list(dict.fromkeys(take.lighting for take in takes))
    rows = []
    subjects = sorted({take.subject for take in takes})[:_MOST_SUBJECTS]
    for subject in subjects:
        seen, told = [], []
        for index, label in enumerate(kind.labels):
            lighting = lightings[(index + subject) % len(lightings)]
            take = next(
                take for take in takes
                if (take.subject, take.label, take.lighting) == (subject, label, lighting)
            )  # fmt: skip
            scene = kind.make(take.seed, subject, label, lighting, take.repetition)
            frame = np.empty((scene.sensor.height, scene.sensor.width), np.float32)
            scene.render(sum(_SPAN_US) // 2, frame)
            events, sensor = record(take, _SPAN_US[1])
            seen.append(picture(frame))
            told.append(event_picture(events[events["t"] >= _SPAN_US[0]], sensor))
        rows += [np.concatenate(seen, axis=1), np.concatenate(told, axis=1)]
    return Image.fromarray(np.concatenate(rows))
