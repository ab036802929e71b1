"""The room behind a person: a wall, what stands and hangs there, all out of focus."""

import numpy as np
from numpy.typing import NDArray

from events.packet import SensorSize


def draw_background(sensor: SensorSize, generator: np.random.Generator) -> NDArray[np.float32]:
    """Reflectances, float32 ``[H, W]``, 0.03..0.9."""
    y, x = np.mgrid[: sensor.height, : sensor.width].astype(np.float64)
    wall = 0.08 * 8 ** generator.random()
    slope_x, slope_y = generator.normal(0, 0.25, 2)
    log = np.log(wall) + slope_x * (x / sensor.width - 0.5) + slope_y * (y / sensor.height - 0.5)
    for _ in range(generator.integers(1, 7)):
        left, top = generator.uniform(-20, sensor.width), generator.uniform(-20, sensor.height)
        wide, tall = generator.uniform(8, 60, 2)
        soft = generator.uniform(1.0, 4.0)
        inside = 1.0
        for place, start, size in ((x, left, wide), (y, top, tall)):
            inside = inside * np.clip((place - start) / soft, 0, 1)
            inside = inside * np.clip((start + size - place) / soft, 0, 1)
        log += generator.normal(0, 0.6) * inside
    for _ in range(4):
        wave_x, wave_y = generator.normal(0, 0.12, 2)
        log += 0.06 * np.sin(wave_x * x + wave_y * y + generator.uniform(0, 2 * np.pi))
    wall_and_things: NDArray[np.float64] = np.clip(np.exp(log), 0.03, 0.9)
    return wall_and_things.astype(np.float32)
