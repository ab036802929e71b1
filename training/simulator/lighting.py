"""Light that falls on a scene: how bright, from where, how it flickers."""

import math
from dataclasses import dataclass

import numpy as np

#: Flicker of a lamp on mains of 50 Hz.
_MAINS_FLICKER_HZ = 100.0


@dataclass(frozen=True)
class Condition:
    """A lighting condition of DVS-Gesture, as ranges that a recording's light is drawn from."""

    #: Illumination relative to the pixels' reference, lowest and highest.
    level: tuple[float, float]
    #: Share of the light that flickers with the mains.
    flicker: tuple[float, float]
    #: How one-sided the light is: 0 from all around, 0.4 grazing.
    side: tuple[float, float]
    #: Relative slow changes, as of clouds.
    drift: float = 0.0


#: The conditions in DVS-Gesture's file names. Their figures are guesses: the data set
#: describes none.
CONDITIONS = {
    "fluorescent": Condition((0.7, 1.8), (0.06, 0.12), (0.0, 0.15)),
    "fluorescent_led": Condition((0.9, 2.4), (0.03, 0.07), (0.05, 0.2)),
    "led": Condition((0.5, 1.5), (0.01, 0.05), (0.1, 0.3)),
    "natural": Condition((0.4, 3.0), (0.0, 0.0), (0.15, 0.4), drift=0.04),
    "lab": Condition((0.3, 1.2), (0.02, 0.08), (0.0, 0.25)),
}


@dataclass(frozen=True)
class Light:
    """The light of one recording."""

    level: float
    #: Light that reaches every pixel alike, as through a hazy lens; relative to a white wall's.
    glare: float
    #: Extra brightness of sides that face the picture's right and bottom.
    direction: tuple[float, float]
    flicker: float
    flicker_phase: float
    drift: float
    drift_hz: float

    def at(self, t_us: int) -> float:
        """Illumination at ``t_us``."""
        t_s = t_us * 1e-6
        flicker = math.sin(2 * math.pi * _MAINS_FLICKER_HZ * t_s + self.flicker_phase)
        drift = math.sin(2 * math.pi * self.drift_hz * t_s + self.flicker_phase)
        return self.level * (1 + self.flicker * flicker) * (1 + self.drift * drift)


def draw_light(condition: Condition, generator: np.random.Generator) -> Light:
    """One recording's light under ``condition``; from above, left or right."""
    low, high = condition.level
    side = generator.uniform(*condition.side) * generator.choice((-1, 1))
    return Light(
        level=low * (high / low) ** generator.random(),
        glare=generator.uniform(0, 0.08),
        direction=(side, -generator.uniform(0.02, 0.15)),
        flicker=generator.uniform(*condition.flicker),
        flicker_phase=generator.uniform(0, 2 * math.pi),
        drift=condition.drift * generator.random(),
        drift_hz=generator.uniform(0.1, 0.4),
    )
