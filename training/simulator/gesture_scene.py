"""A person before a static camera who makes one gesture over and over: DVS-Gesture's scene."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from events.chips import DVS128
from events.packet import SensorSize
from training.simulator import gestures
from training.simulator.background import draw_background
from training.simulator.body import Body, Camera, Pose, draw_body, parts
from training.simulator.gestures import Gesture, Style
from training.simulator.lighting import CONDITIONS, Light, draw_light
from training.simulator.raster import draw

GESTURES = tuple(gestures.GESTURES)
GESTURE_LIGHTINGS = tuple(CONDITIONS)
#: Keys of the generators of what stays and of what differs from one recording to the next.
_SUBJECT, _RECORDING = 1, 2


@dataclass(frozen=True)
class Motion:
    """When and how a person moves in one recording."""

    beat_hz: float
    phase: float
    #: Radians by which the beat runs early and late, slowly.
    unsteady: float
    sway_hz: float
    sway_phase: float
    #: Metres of a person's own sway, and of the body's answer to the arms.
    sway_m: float
    echo_m: float

    def phase_at(self, t_s: float) -> float:
        """The gesture's phase in radians."""
        drift = math.sin(2 * math.pi * 0.37 * t_s + self.sway_phase)
        return 2 * math.pi * self.beat_hz * t_s + self.phase + self.unsteady * drift

    def pose(self, t_s: float, gesture: Gesture, style: Style) -> Pose:
        """The body at ``t_s``."""
        phase = self.phase_at(t_s)
        sway = 2 * math.pi * self.sway_hz * t_s + self.sway_phase
        echo = math.sin(phase + 0.9)
        rise = 0.5 * self.echo_m * math.sin(phase + 2.1)
        return Pose(
            wrists=gesture.wrists(phase, style),
            shift=(
                self.sway_m * math.sin(sway) + self.echo_m * echo,
                rise + 0.4 * self.sway_m * math.cos(1.7 * sway),
            ),
            lean=0.02 * math.sin(0.8 * sway + 1.0) + self.echo_m * math.sin(phase + 0.2),
            nod=0.3 * math.sin(1.3 * sway) + 0.3 * echo,
            turn=0.04 * math.sin(0.9 * sway + 2.0) + 1.5 * self.echo_m * math.sin(phase - 0.6),
        )


@dataclass(frozen=True)
class GestureScene:
    """One recording's scene."""

    body: Body
    gesture: Gesture
    style: Style
    motion: Motion
    camera: Camera
    light: Light
    background: NDArray[np.float32]
    sensor: SensorSize = DVS128

    def render(self, t_us: int, out: NDArray[np.float32]) -> None:
        """Write the linear intensity at ``t_us`` into ``out``, float32 ``[H, W]``."""
        out[:] = self.background
        pose = self.motion.pose(t_us * 1e-6, self.gesture, self.style)
        draw(parts(self.body, pose, self.camera), self.body.textures, self.light.direction, out)
        out += np.float32(self.light.glare)
        out *= np.float32(self.light.at(t_us))


def gesture_body(seed: int, subject: int) -> Body:
    """The body of the person number ``subject`` of the population ``seed``."""
    return draw_body(np.random.default_rng((seed, _SUBJECT, subject)))


def gesture_scene(
    seed: int, subject: int, label: str, lighting: str, repetition: int
) -> GestureScene:
    """The scene of one recording, the same for the same arguments.

    A subject's body, clothes and habits depend on ``seed`` and ``subject`` alone; where the
    person stands, the light, the background and the moment on all arguments.
    """
    body = gesture_body(seed, subject)
    place = (GESTURES.index(label), GESTURE_LIGHTINGS.index(lighting), repetition)
    generator = np.random.default_rng((seed, _RECORDING, subject, *place))
    uniform = generator.uniform
    gesture = gestures.GESTURES[label]
    return GestureScene(
        body=body,
        gesture=gesture,
        style=body.style(generator),
        motion=Motion(
            beat_hz=gesture.beat_hz * body.tempo * uniform(0.93, 1.07),
            phase=uniform(0, 2 * math.pi),
            unsteady=uniform(0.1, 0.4),
            sway_hz=body.sway_hz * uniform(0.9, 1.1),
            sway_phase=uniform(0, 2 * math.pi),
            sway_m=0.014 * body.liveliness * uniform(0.65, 1.45),
            echo_m=0.010 * body.liveliness * uniform(0.65, 1.45),
        ),
        camera=Camera(
            focal_px=150,
            distance_m=uniform(1.14, 1.56),
            x_px=63.5 + uniform(-9, 9),
            y_px=50 + uniform(-6, 8),
        ),
        light=draw_light(CONDITIONS[lighting], generator),
        background=draw_background(DVS128, generator),
    )
