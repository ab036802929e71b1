import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.simulator.emotions import EMOTIONS, EXPRESSIONS, ActionUnits, smooth_step

expressions = st.sampled_from(EMOTIONS).map(EXPRESSIONS.__getitem__)


def test_the_seven_emotions_of_see() -> None:
    assert sorted(EMOTIONS) == [
        "anger", "disgust", "fear", "happiness", "neutrality", "sadness", "surprise"
    ]  # fmt: skip


@given(expressions, st.floats(0.0, 100.0))
def test_an_expression_repeats(expression, time_s) -> None:
    now = expression.activation(time_s)
    assert 0.0 <= now <= 1.0
    assert expression.activation(time_s + expression.period_s) == pytest.approx(now, abs=1e-9)


@pytest.mark.parametrize("name", EMOTIONS)
def test_an_expression_rises_holds_and_falls(name) -> None:
    expression = EXPRESSIONS[name]
    held_s = expression.onset_s + expression.hold_s / 2
    assert expression.activation(0.0) == 0.0
    assert 0.0 < expression.activation(expression.onset_s / 2) < 1.0
    assert expression.activation(held_s) == 1.0
    assert expression.activation(expression.period_s - expression.pause_s / 2) == 0.0


@pytest.mark.parametrize("name", EMOTIONS)
def test_half_a_second_always_shows_motion(name) -> None:
    """Neither hold nor pause fills half a window of 500 ms."""
    expression = EXPRESSIONS[name]
    assert max(expression.hold_s, expression.pause_s) < 0.25
    assert 0.5 <= expression.period_s <= 0.8


def test_only_neutrality_pulls_nothing() -> None:
    still = [name for name in EMOTIONS if not EXPRESSIONS[name].units.array().any()]
    assert still == ["neutrality"]


def test_no_two_emotions_pull_alike() -> None:
    assert len({tuple(EXPRESSIONS[name].units.array()) for name in EMOTIONS}) == len(EMOTIONS)


def test_units_survive_the_array() -> None:
    units = ActionUnits(inner_brow_raiser=0.1, lid_droop=0.8)
    assert ActionUnits.from_array(units.array()) == units


@given(st.floats(-2.0, 3.0), st.floats(-2.0, 3.0))
def test_a_smooth_step_never_falls(one, other) -> None:
    low, high = sorted((one, other))
    assert 0.0 <= smooth_step(low) <= smooth_step(high) <= 1.0
