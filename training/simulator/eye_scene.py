"""A single eye, seen by a head-mounted camera, showing one emotion again and again."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from events.packet import SensorSize
from training.simulator.emotions import EMOTIONS, EXPRESSIONS, ActionUnits
from training.simulator.eye_camera import EyeCamera
from training.simulator.eye_face import EyeFace
from training.simulator.eye_lighting import EYE_LIGHTINGS, eye_lighting
from training.simulator.eye_motion import Blinks, Gaze, Wobble
from training.simulator.eye_raster import Eyeball, draw
from training.simulator.eye_subject import eye_subject
from training.simulator.eye_texture import eye_texture
from training.simulator.scene import Scene

__all__ = ["EMOTIONS", "EYE_LIGHTINGS", "EYE_SENSOR", "eye_scene"]

EYE_SENSOR = SensorSize(128, 128)

#: Keeps the streams of scenes and of subjects apart, whatever the seed.
_SCENE_STREAM = 0x65796502

#: From one frame to the next while all but the camera rests.
_SLOW_FRAME_US = 10_000


def eye_scene(seed: int, subject: int, label: str, lighting: str, repetition: int) -> Scene:
    """Subject number ``subject`` of the population ``seed`` showing the emotion ``label``.

    The same arguments give the same scene. Every ``repetition`` has its own camera pose and
    slip, light and reflections, gaze, blinks, strength and phase of the expression. The camera
    sees a right eye from the front, so the nose is on the picture's right. Raises ValueError
    for a label or a lighting that is not in EMOTIONS or EYE_LIGHTINGS.
    """
    place = (EMOTIONS.index(label), EYE_LIGHTINGS.index(lighting))
    generator = np.random.default_rng([seed, _SCENE_STREAM, subject, *place, repetition])
    return _EyeScene(seed, subject, label, lighting, generator)


class _Moment(NamedTuple):
    """What moves: the expression's strength, where the eye looks, how far its lid is down."""

    strength: float
    gaze_x: float
    gaze_y: float
    closed: float


class _EyeScene:
    def __init__(
        self, seed: int, number: int, label: str, lighting: str, generator: np.random.Generator
    ) -> None:
        subject = eye_subject(seed, number)
        manner = subject.manner
        self._subject = subject
        self._lighting = eye_lighting(lighting, EYE_SENSOR, generator)
        self._camera = EyeCamera.draw(EYE_SENSOR, generator)
        self._expression = EXPRESSIONS[label]
        self._tempo = manner.tempo * generator.uniform(0.88, 1.14)
        self._phase_s = generator.uniform(0.0, self._expression.period_s)
        self._tremor = Wobble.draw(generator, self._expression.tremor, 7.0, 12.0)
        self._gaze = Gaze.draw(manner, self._expression.restlessness, generator)
        self._blinks = Blinks.draw(manner, self._expression.blinking, generator)
        units = self._expression.units.array() * manner.strength.array()
        units *= generator.uniform(0.88, 1.12, len(units))
        self._face = EyeFace(subject, ActionUnits.from_array(units))
        self._way = self._face.way
        self._texture = eye_texture(subject)

    @property
    def sensor(self) -> SensorSize:
        return EYE_SENSOR

    def frame_us(self, t_us: int) -> int:
        """Until the next frame: half as long while gaze, lids or brow move by over a pixel."""
        now, then = self._moment(t_us), self._moment(t_us + _SLOW_FRAME_US)
        way = max(
            math.hypot(then.gaze_x - now.gaze_x, then.gaze_y - now.gaze_y),
            (self._subject.lids.upper + self._subject.lids.lower) * abs(then.closed - now.closed),
            self._way * abs(then.strength - now.strength),
        )
        return _SLOW_FRAME_US // 2 if way * self._camera.scale > 1.0 else _SLOW_FRAME_US

    def _moment(self, t_us: int) -> _Moment:
        time_s = t_us * 1e-6
        expression = self._expression
        activation = expression.activation(time_s * self._tempo + self._phase_s)
        strength = activation * (1.0 + self._tremor.at(time_s))
        gaze_x, gaze_y = self._gaze.at(time_s)
        return _Moment(
            strength,
            gaze_x + expression.gaze[0] * activation,
            gaze_y + expression.gaze[1] * activation,
            self._face.closed(strength, self._blinks.at(time_s)),
        )

    def render(self, t_us: int, out: NDArray[np.float32]) -> None:
        time_s = t_us * 1e-6
        strength, gaze_x, gaze_y, closed = self._moment(t_us)
        draw(
            self._camera.at(time_s),
            self._face.at(strength, closed, gaze_y),
            self._eyeball(gaze_x, gaze_y, closed),
            self._lighting.at(time_s),
            out,
        )

    def _eyeball(self, gaze_x: float, gaze_y: float, closed: float) -> Eyeball:
        lids, surface = self._subject.lids, self._subject.surface
        middle = 0.3 * (lids.lower - lids.upper)
        radius = min(surface.pupil * self._lighting.pupil, 0.7) * surface.iris_radius
        # The upper lashes turn over as the lid comes down.
        reach = lids.lash_length * (2.2 * closed - 1.0)
        reach = reach if abs(reach) > 0.01 else 0.01
        return Eyeball(
            self._texture.ball,
            self._texture.lashes,
            np.float32(gaze_x),
            np.float32(middle + gaze_y),
            np.float32(radius),
            np.float32(reach),
            np.float32(0.5 * lids.lash_length),
            self._lighting.glints_at(gaze_x, gaze_y),
        )
