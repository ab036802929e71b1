import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.simulator.emotions import EXPRESSIONS, ActionUnits
from training.simulator.eye_face import EyeFace
from training.simulator.eye_lids import lid_lines
from training.simulator.eye_subject import eye_subject
from training.simulator.eye_texture import COLUMNS, V_TO, eye_texture

BROW, UPPER, LOWER, CHEEK = 1, 3, 4, 5
INNER, MIDDLE, OUTER = (int(np.argmin(np.abs(COLUMNS - u))) for u in (0.8, 0.0, -0.8))
shares = st.floats(0.0, 1.0)


def lines(emotion: str, strength: float, subject: int = 0):
    face = EyeFace(eye_subject(3, subject), EXPRESSIONS[emotion].units)
    return face.at(strength, face.closed(strength, 0.0), 0.0).lines


def moved(emotion: str, line: int, column: int) -> float:
    """How far up, in half fissures."""
    return float(lines(emotion, 0.0)[line, column] - lines(emotion, 1.0)[line, column])


def opening(emotion: str, strength: float) -> float:
    shape = lines(emotion, strength)
    return float(shape[LOWER, MIDDLE] - shape[UPPER, MIDDLE])


def test_surprise_and_fear_open_the_eye_and_raise_the_brow() -> None:
    for emotion in ("surprise", "fear"):
        assert opening(emotion, 1.0) > 1.15 * opening(emotion, 0.0)
        assert moved(emotion, BROW, INNER) > 0.08
    assert moved("surprise", BROW, OUTER) > moved("fear", BROW, OUTER) + 0.05


def test_anger_and_disgust_lower_the_brow() -> None:
    for emotion in ("anger", "disgust"):
        assert moved(emotion, BROW, INNER) < -0.1
        assert opening(emotion, 1.0) < opening(emotion, 0.0)
    # Only disgust pulls up the skin beside the nose.
    assert moved("disgust", CHEEK, INNER) > moved("anger", CHEEK, INNER) + 0.1
    assert moved("disgust", CHEEK, INNER) > moved("disgust", CHEEK, OUTER) + 0.1


def test_happiness_raises_the_lower_lid_and_leaves_the_inner_brow() -> None:
    assert moved("happiness", LOWER, MIDDLE) > 0.08
    assert abs(moved("happiness", BROW, INNER)) < 0.02
    assert abs(moved("sadness", LOWER, MIDDLE)) < 0.01


def test_sadness_raises_the_inner_brow_alone_and_lets_the_lid_droop() -> None:
    assert moved("sadness", BROW, INNER) > 0.08 > moved("sadness", BROW, OUTER)
    assert moved("sadness", UPPER, MIDDLE) < -0.1


def test_neutrality_moves_nothing() -> None:
    np.testing.assert_array_equal(lines("neutrality", 0.0), lines("neutrality", 1.0))


@pytest.mark.parametrize("subject", range(4))
@pytest.mark.parametrize("emotion", EXPRESSIONS)
def test_skin_is_neither_torn_nor_folded(emotion, subject) -> None:
    face = EyeFace(eye_subject(3, subject), EXPRESSIONS[emotion].units)
    for strength, blink, gaze_y in [(0.0, 0.0, 0.0), (1.3, 0.0, -0.2), (1.0, 0.6, 0.3)]:
        skin = face.at(strength, face.closed(strength, blink), gaze_y)
        assert (np.diff(skin.lines, axis=0) > -1e-5).all()
        assert (skin.stretch >= 0).all()
        for line in (1, 2, 5):
            above, below = (
                skin.stretch[k] * skin.lines[line] + skin.shift[k] for k in (line - 1, line)
            )
            np.testing.assert_allclose(above, below, atol=0.05)


def test_skin_at_rest_lies_as_in_the_texture() -> None:
    subject = eye_subject(3, 1)
    skin = EyeFace(subject, EXPRESSIONS["anger"].units).at(0.0, 0.0, 0.0)
    texture = eye_texture(subject)
    np.testing.assert_array_equal(skin.reflectance, texture.skin)
    last_row = skin.stretch[5] * V_TO + skin.shift[5]
    np.testing.assert_allclose(last_row, len(texture.skin) - 1, atol=0.1)


def test_an_expression_wrinkles_the_skin() -> None:
    subject = eye_subject(3, 1)
    face = EyeFace(subject, ActionUnits(cheek_raiser=1.0))
    rest, full = (face.at(strength, 0.0, 0.0).reflectance for strength in (0.0, 1.0))
    assert (full <= rest).all() and (full > 0).all()
    assert (full < 0.8 * rest)[:, : COLUMNS.size // 4].any()


@given(shares, shares, st.floats(-0.2, 0.4), st.integers(0, 20))
@settings(max_examples=50)
def test_lids_never_cross(closed, raised, wide, subject) -> None:
    upper, lower = lid_lines(eye_subject(4, subject).lids, COLUMNS, wide, raised, closed)
    if wide >= 0:
        assert (upper <= lower + 1e-12).all()
    corners = np.abs(COLUMNS) >= 1
    np.testing.assert_allclose(upper[corners], lower[corners], atol=1e-12)


def test_a_closed_lid_touches_the_other() -> None:
    upper, lower = lid_lines(eye_subject(4, 0).lids, COLUMNS, 0.1, 0.3, 1.0)
    np.testing.assert_allclose(upper, lower, atol=1e-12)
