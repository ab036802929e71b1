import numpy as np
import pytest

from training.simulator.emotions import EXPRESSIONS
from training.simulator.eye_face import EyeFace
from training.simulator.eye_raster import SCALE, U_FROM, Camera, Eyeball, Light, draw
from training.simulator.eye_subject import eye_subject
from training.simulator.eye_texture import COLUMNS, V_FROM, eye_texture

SIDE = 128


@pytest.mark.parametrize(("emotion", "strength"), [("surprise", 0.0), ("surprise", 1.0)])
def test_skin_is_where_the_lines_say(emotion: str, strength: float) -> None:
    """Against numpy's own interpolation, from a camera that sees a texel a pixel."""
    subject = eye_subject(3, 1)
    texture = eye_texture(subject)
    face = EyeFace(subject, EXPRESSIONS[emotion].units)
    rest, skin = face.at(0.0, 0.0, 0.0), face.at(strength, 0.0, 0.0)
    camera = Camera(*map(np.float32, (60, 70, SCALE, 0.0)))
    no_lashes = np.zeros_like(texture.lashes)
    zero, short = np.float32(0), np.float32(0.01)
    eye = Eyeball(
        texture.ball, no_lashes, zero, zero, short, short, short, np.zeros((0, 4), np.float32)
    )
    light = Light(np.full((SIDE, SIDE), 2, np.float32), np.float32(2), np.float32(0.25))
    out = np.empty((SIDE, SIDE), np.float32)
    draw(camera, skin, eye, light, out)

    v = (np.arange(SIDE) - 70) / SCALE
    for x in range(0, SIDE, 3):
        column = round(((x - 60) / SCALE - U_FROM) * SCALE)
        at_rest = np.interp(v, skin.lines[:, column], rest.lines[:, column])
        rows = (at_rest - V_FROM) * SCALE
        reflectance = skin.reflectance[:, column]
        expected = np.interp(rows, np.arange(len(reflectance)), reflectance) * 2 + 0.25
        # Not where the eye is open, a pixel around it, or where a line bends the skin.
        upper, lower = skin.lines[3, column] - 1 / SCALE, skin.lines[4, column] + 1 / SCALE
        seen = (v < upper) | (v > lower) | (abs(COLUMNS[column]) > 1.1)
        np.testing.assert_allclose(out[seen, x], expected[seen], rtol=0.02)
