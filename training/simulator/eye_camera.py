"""How the head-mounted camera sits, and slips, before the eye."""

from dataclasses import dataclass

import numpy as np

from events.packet import SensorSize
from training.simulator.eye_motion import Wobble
from training.simulator.eye_raster import Camera


@dataclass(frozen=True)
class EyeCamera:
    """Its pose in one recording."""

    #: Where the middle of the eye's opening lies, in pixels.
    x: float
    y: float
    #: Pixels a half fissure.
    scale: float
    rotation: float
    slip: tuple[Wobble, Wobble, Wobble]

    @classmethod
    def draw(cls, sensor: SensorSize, generator: np.random.Generator) -> "EyeCamera":
        """A pose that shows the eye and its brow: a helmet sits nearly alike each time.

        The slip is one to three pixels.
        """
        uniform = generator.uniform
        looseness = float(np.exp(uniform(np.log(1.1), np.log(2.1))))
        return cls(
            x=sensor.width * uniform(0.46, 0.54),
            y=sensor.height * uniform(0.58, 0.66),
            scale=sensor.width * float(np.exp(uniform(np.log(0.28), np.log(0.308)))),
            rotation=uniform(-0.06, 0.06),
            slip=(
                Wobble.draw(generator, looseness, 0.8, 3.5),
                Wobble.draw(generator, looseness, 0.8, 3.5),
                Wobble.draw(generator, 0.006 * looseness, 0.6, 2.5),
            ),
        )

    def at(self, time_s: float) -> Camera:
        """Its pose at ``time_s``."""
        x, y, rotation = (wobble.at(time_s) for wobble in self.slip)
        pose = (self.x + x, self.y + y, self.scale, self.rotation + rotation)
        return Camera(*(np.float32(value) for value in pose))
