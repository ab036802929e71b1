"""The lighting conditions of SEE, as they fall on one eye in one recording."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from events.packet import SensorSize
from training.simulator.eye_motion import Wobble
from training.simulator.eye_raster import Light

#: Zhang et al., "In the Blink of an Eye: Event-based Emotion Recognition", SIGGRAPH 2023.
EYE_LIGHTINGS: tuple[str, ...] = ("normal", "overexposure", "low-light", "hdr")


@dataclass(frozen=True)
class _Condition:
    """What a lighting condition sets; each recording draws from the ranges."""

    #: Intensity of a white surface, where the pixel model's reference is 1.
    level: tuple[float, float]
    #: Light scattered in the lens, as a share of the level: it takes contrast.
    veil: tuple[float, float]
    #: How strong reflections on the cornea are, in white surfaces.
    glint: tuple[float, float]
    #: What is left of the light in a shadow across the picture; 1 is no shadow.
    shadow: tuple[float, float]
    #: Pupil radius against the person's average.
    pupil: float


_EVEN = (1.0, 1.0)
_CONDITIONS = {
    "normal": _Condition((0.8, 2.5), (0.01, 0.12), (2.0, 5.0), _EVEN, 1.0),
    "overexposure": _Condition((8.0, 30.0), (0.05, 0.15), (5.0, 15.0), _EVEN, 0.65),
    "low-light": _Condition((0.12, 0.35), (0.005, 0.05), (1.0, 3.0), _EVEN, 1.35),
    "hdr": _Condition((2.0, 10.0), (0.01, 0.06), (4.0, 10.0), (0.1, 0.3), 0.85),
}


@dataclass(frozen=True)
class Glint:
    """A lamp's or window's image on the cornea, fixed to the eyeball's middle."""

    x: float
    y: float
    radius: float
    strength: float


@dataclass(frozen=True)
class EyeLighting:
    """One recording's light. A lamp's flicker is far below any threshold, and is left out."""

    level: float
    veil: float
    #: float32 ``[H, W]``, 1 on average: light that falls off to one side.
    even: NDArray[np.float32]
    #: What is left of it in the shadow, and how far within the light a pixel lies, float32
    #: ``[H, W]``: 0 and below in the shadow, 1 and above outside.
    shadow: float
    lit: NDArray[np.float32]
    sway: Wobble
    glints: tuple[Glint, ...]
    pupil: float

    def at(self, time_s: float) -> Light:
        """What falls on the face at ``time_s``."""
        white = self.even * np.float32(self.level)
        if self.shadow < 1.0:
            lit = np.clip(self.lit + np.float32(self.sway.at(time_s)), 0.0, 1.0)
            white *= lit * np.float32(1.0 - self.shadow) + np.float32(self.shadow)
        return Light(white, np.float32(self.level), np.float32(self.level * self.veil))

    def glints_at(self, gaze_x: float, gaze_y: float) -> NDArray[np.float32]:
        """x, y, radius, strength of each, float32 ``[n, 4]``, for a pupil at ``gaze_x, gaze_y``.

        They go half as far as the pupil: the cornea's radius is about half the eyeball's.
        """
        return np.array(
            [(g.x + 0.5 * gaze_x, g.y + 0.5 * gaze_y, g.radius, g.strength) for g in self.glints],
            np.float32,
        )


def eye_lighting(lighting: str, sensor: SensorSize, generator: np.random.Generator) -> EyeLighting:
    """One recording's light under ``lighting``, one of :data:`EYE_LIGHTINGS`."""
    condition = _CONDITIONS[lighting]
    uniform = generator.uniform
    x, y = np.meshgrid(np.linspace(-1, 1, sensor.width), np.linspace(-1, 1, sensor.height))
    angle, side = uniform(0.0, 2.0 * math.pi, 2)
    ramp = x * math.cos(angle) + y * math.sin(angle)
    across = x * math.cos(side) + y * math.sin(side) - uniform(-0.45, 0.45)
    softness = uniform(0.06, 0.3)
    glints = tuple(
        Glint(
            x=uniform(-0.2, 0.2),
            y=uniform(-0.2, 0.1),
            radius=uniform(0.025, 0.055),
            strength=uniform(*condition.glint),
        )
        for _ in range(generator.integers(1, 4))
    )
    return EyeLighting(
        level=math.exp(uniform(*np.log(condition.level))),
        veil=uniform(*condition.veil),
        even=(1.0 + uniform(0.0, 0.35) * ramp).astype(np.float32),
        shadow=uniform(*condition.shadow),
        lit=(across / softness + 0.5).astype(np.float32),
        sway=Wobble.draw(generator, 0.03 / softness, 0.2, 0.8),
        glints=glints,
        pupil=condition.pupil,
    )
