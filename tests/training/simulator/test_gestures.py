import csv
import math
from dataclasses import replace

import numpy as np
import pytest

from tests.shared_data import shared
from training.simulator.gestures import GESTURES, OTHERS, Style

STYLE = Style(
    amplitude=1.1,
    height=0.04,
    forward=-0.02,
    aspect=0.9,
    snap=0.3,
    shoulders=0.33,
    right_handed=True,
    other=0,
)
PHASES = np.linspace(0, 2 * math.pi, 60, endpoint=False)


def path(label: str, style: Style = STYLE) -> np.ndarray:
    """``[phases, right and left, (out, down, forward)]``."""
    return np.array([GESTURES[label].wrists(phase, style) for phase in PHASES])


def turn_as_the_person_sees_it(wrist: np.ndarray, out_is: int) -> float:
    """Signed area: above 0 clockwise for someone with x to the right and y down."""
    x, y = out_is * wrist[:, 0], wrist[:, 1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


def test_names_and_order_are_the_data_sets() -> None:
    with shared("formats/dvsgesture_mapping.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(GESTURES) == tuple(row["action"].strip() for row in rows)


@pytest.mark.parametrize("label", GESTURES)
@pytest.mark.parametrize("other", range(len(OTHERS)))
@pytest.mark.parametrize("right_handed", [True, False])
def test_hands_stay_within_reach(label: str, other: int, right_handed: bool) -> None:
    wrists = path(label, replace(STYLE, other=other, right_handed=right_handed))
    assert np.linalg.norm(wrists, axis=-1).max() < 1.1
    assert (wrists[..., 2] > 0).all()


@pytest.mark.parametrize("label", GESTURES)
def test_a_beat_is_over_within_less_than_a_second(label: str) -> None:
    assert GESTURES[label].beat_hz * 0.88 * 0.93 > 1 / 0.9


@pytest.mark.parametrize(
    ("right", "left"),
    [
        ("right_hand_wave", "left_hand_wave"),
        ("right_arm_clockwise", "left_arm_counter_clockwise"),
        ("right_arm_counter_clockwise", "left_arm_clockwise"),
    ],
)
def test_left_mirrors_right(right: str, left: str) -> None:
    assert path(left)[:, ::-1] == pytest.approx(path(right))


@pytest.mark.parametrize("side", ["right", "left"])
def test_circles_turn_as_they_are_called(side: str) -> None:
    arm, out_is = (0, 1) if side == "right" else (1, -1)
    clockwise = path(f"{side}_arm_clockwise")[:, arm]
    counter = path(f"{side}_arm_counter_clockwise")[:, arm]
    assert turn_as_the_person_sees_it(clockwise, out_is) > 0.2
    assert turn_as_the_person_sees_it(counter, out_is) < -0.2


@pytest.mark.parametrize("label", ["right_hand_wave", "left_arm_clockwise"])
def test_the_other_arm_hangs(label: str) -> None:
    hanging, moving = sorted(np.ptp(path(label), axis=0).max(axis=-1))
    assert hanging < 0.1
    assert moving > 0.5


def test_clapping_hands_meet() -> None:
    # Out from both shoulders, so that the middle is minus half their width.
    gap = path("hand_clapping")[:, 0, 0] + STYLE.shoulders
    assert gap.min() == pytest.approx(0.06, abs=0.01)
    assert gap.max() > 0.4


@pytest.mark.parametrize("label", ["arm_roll", "air_drums"])
def test_hands_take_turns(label: str) -> None:
    down = path(label)[:, :, 1]
    assert np.corrcoef(down[:, 0], down[:, 1])[0, 1] < -0.9


def test_a_left_hander_holds_the_guitar_the_other_way_round() -> None:
    left_handed = path("air_guitar", replace(STYLE, right_handed=False))
    assert left_handed[:, ::-1] == pytest.approx(path("air_guitar"))
