"""Where gaze, lids and camera are at any time: pure functions of time, drawn once a scene.

Time is cut into a loop of a minute, longer than any recording made here.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from training.simulator.emotions import smooth_step
from training.simulator.eye_subject import Manner

_LOOP_S = 60.0
#: How long a lid takes down, of a whole blink; the rest is rest and the slower way up (Evinger
#: et al., "Eyelid movements", Investigative Ophthalmology & Visual Science, 1991).
_BLINK_DOWN, _BLINK_SHUT = 0.28, 0.14


@dataclass(frozen=True)
class Wobble:
    """A sum of three sine waves: slow sway, tremor, drift."""

    amplitude: tuple[float, float, float]
    frequency_hz: tuple[float, float, float]
    phase: tuple[float, float, float]

    @classmethod
    def draw(
        cls, generator: np.random.Generator, size: float, from_hz: float, to_hz: float
    ) -> "Wobble":
        """Three waves between two frequencies; ``size`` is about the standard deviation."""
        shares = generator.uniform(0.4, 1.0, 3)
        shares *= size * math.sqrt(2.0) / np.linalg.norm(shares)
        frequency_hz = np.exp(generator.uniform(math.log(from_hz), math.log(to_hz), 3))
        phase = generator.uniform(0.0, 2.0 * math.pi, 3)
        return cls(*(tuple(column.tolist()) for column in (shares, frequency_hz, phase)))

    def at(self, time_s: float) -> float:
        """The deviation at ``time_s``."""
        (a, b, c), (f, g, h), (p, q, r) = self.amplitude, self.frequency_hz, self.phase
        turn = 2.0 * math.pi * time_s
        return a * math.sin(f * turn + p) + b * math.sin(g * turn + q) + c * math.sin(h * turn + r)


@dataclass(frozen=True)
class Gaze:
    """Fixations, and saccades between them that last as long as they are wide."""

    start_s: tuple[float, ...]
    target: tuple[tuple[float, float], ...]
    drift: tuple[Wobble, Wobble]

    @classmethod
    def draw(cls, manner: Manner, restlessness: float, generator: np.random.Generator) -> "Gaze":
        """A path of its own; targets in half fissures, right and down."""
        mean_s = 1.0 / (manner.saccade_rate_hz * restlessness)
        count = math.ceil(3.0 * _LOOP_S / mean_s)
        waits_s = generator.gamma(4.0, mean_s / 4.0, count)
        start_s = np.cumsum(np.maximum(waits_s, 0.12)) - generator.uniform(0.0, mean_s)
        start_s = start_s[start_s < _LOOP_S]
        target = generator.normal(0.0, 1.0, (len(start_s), 2)) * [0.24, 0.1] * manner.gaze_reach
        target = np.clip(target, [-0.45, -0.18], [0.45, 0.2])
        size = 0.012 * manner.drift
        return cls(
            tuple(start_s.tolist()),
            tuple((x, y) for x, y in target.tolist()),
            (Wobble.draw(generator, size, 0.8, 5.0), Wobble.draw(generator, size, 0.8, 5.0)),
        )

    def at(self, time_s: float) -> tuple[float, float]:
        """Where the pupil is, right and down of straight ahead, at ``time_s``."""
        loop_s = time_s % _LOOP_S
        index = bisect_right(self.start_s, loop_s) - 1
        (from_x, from_y), (to_x, to_y) = self.target[index - 1], self.target[index]
        # The main sequence (Bahill et al., 1975): 21 ms and 2.2 ms a degree; a half fissure
        # of the pupil's way is about 60 degrees.
        lasts_s = 0.021 + 0.0022 * 60.0 * math.hypot(to_x - from_x, to_y - from_y)
        share = smooth_step((loop_s - self.start_s[index]) / lasts_s) if index >= 0 else 1.0
        return (
            from_x + (to_x - from_x) * share + self.drift[0].at(time_s),
            from_y + (to_y - from_y) * share + self.drift[1].at(time_s),
        )


@dataclass(frozen=True)
class Blinks:
    """Blinks of one person's length and depth."""

    start_s: tuple[float, ...]
    length_s: float
    depth: float

    @classmethod
    def draw(cls, manner: Manner, blinking: float, generator: np.random.Generator) -> "Blinks":
        """A rhythm of its own, ``blinking`` times as fast as at rest."""
        mean_s = 1.0 / (manner.blink_rate_hz * blinking)
        waits_s = generator.gamma(3.0, mean_s / 3.0, math.ceil(3.0 * _LOOP_S / mean_s))
        start_s = np.cumsum(np.maximum(waits_s, 1.5 * manner.blink_s))
        start_s -= generator.uniform(0.0, 0.8) * start_s[0]
        return cls(
            tuple(start_s[start_s < _LOOP_S - manner.blink_s].tolist()),
            manner.blink_s,
            manner.blink_depth,
        )

    def at(self, time_s: float) -> float:
        """How far the lid has come down, 0 to 1."""
        loop_s = time_s % _LOOP_S
        index = bisect_right(self.start_s, loop_s) - 1
        if index < 0:
            return 0.0
        share = (loop_s - self.start_s[index]) / self.length_s
        down = smooth_step(share / _BLINK_DOWN)
        up = smooth_step((share - _BLINK_DOWN - _BLINK_SHUT) / (1.0 - _BLINK_DOWN - _BLINK_SHUT))
        return self.depth * (down - up)
