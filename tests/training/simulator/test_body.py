import math

import numpy as np
import pytest

from training.simulator.body import Camera, Pose, draw_body, elbow, parts
from training.simulator.clothing import PARTS

CAMERA = Camera(focal_px=150, distance_m=1.3, x_px=64, y_px=50)
HANGING = (0.1, 0.95, 0.05)


def pose(**values: object) -> Pose:
    still: dict[str, object] = {
        "wrists": (HANGING, HANGING), "shift": (0.0, 0.0), "lean": 0.0, "nod": 0.0, "turn": 0.0,
    }  # fmt: skip
    return Pose(**(still | values))  # type: ignore[arg-type]


@pytest.mark.parametrize("wrist", [(0.3, 0.1, 0.2), (0.0, -0.4, 0.1), (-0.2, 0.2, 0.35)])
def test_an_elbow_is_as_far_from_both_ends_as_bones_are_long(
    wrist: tuple[float, float, float],
) -> None:
    joint = elbow((0.0, 0.0, 0.0), wrist, 0.3, 0.26, (0.5, 0.8, -0.3))
    assert math.dist(joint, (0, 0, 0)) == pytest.approx(0.3, abs=1e-6)
    assert math.dist(joint, wrist) == pytest.approx(0.26, abs=1e-6)
    # Of all places it could be, the one nearest to where elbows go.
    other = elbow((0.0, 0.0, 0.0), wrist, 0.3, 0.26, (-0.5, -0.8, 0.3))
    towards = np.array([0.5, 0.8, -0.3])
    assert np.dot(joint, towards) > np.dot(other, towards)


def test_an_arm_that_does_not_reach_is_straight() -> None:
    joint = elbow((0.0, 0.0, 0.0), (0.0, 2.0, 0.0), 0.3, 0.26, (1.0, 0.0, 0.0))
    assert joint == pytest.approx((0, 0.3, 0), abs=0.03)


@pytest.mark.parametrize("subject", range(12))
def test_a_body_stands_upright_and_faces_the_camera(subject: int) -> None:
    body = draw_body(np.random.default_rng(subject))
    rows = {name: [] for name in PARTS}  # type: ignore[var-annotated]
    for row in parts(body, pose(), CAMERA):
        rows[PARTS[int(row[8])]].append(row)
    (head,), (torso,), (trousers,) = rows["head"], rows["torso"], rows["trousers"]
    assert head[1] < head[3] < torso[1] < torso[3] <= trousers[1]
    assert 18 < head[3] - head[1] + head[4:8].sum() < 45
    shoulders = [arm[0] for arm in rows["upper_arm"]]
    assert min(shoulders) < torso[0] < max(shoulders)
    assert body.textures.min() > 0
    assert body.textures.max() < 1


def test_the_right_hand_is_on_the_pictures_left() -> None:
    body = draw_body(np.random.default_rng(0))
    raised = (0.5, -0.3, 0.4)
    drawn = parts(body, pose(wrists=(raised, HANGING)), CAMERA)
    forearms = drawn[drawn[:, 8] == PARTS.index("forearm")]
    right = forearms[np.argmin(forearms[:, 3])]
    assert right[2] < CAMERA.x_px - 20


def test_an_arm_stretched_forward_covers_the_torso() -> None:
    body = draw_body(np.random.default_rng(0))
    drawn = parts(body, pose(wrists=((-0.2, 0.4, 0.6), (-0.2, 0.4, 0.4))), CAMERA)
    order = [PARTS[int(row[8])] for row in drawn]
    assert order.index("torso") < order.index("upper_arm") < order.index("forearm")


@pytest.mark.parametrize("right_is_nearer", [True, False])
def test_the_nearer_hand_covers_the_other(right_is_nearer: bool) -> None:
    body = draw_body(np.random.default_rng(0))
    near, far = (-0.3, 0.4, 0.6), (-0.3, 0.4, 0.3)
    drawn = parts(body, pose(wrists=(near, far) if right_is_nearer else (far, near)), CAMERA)
    last = drawn[drawn[:, 8] == PARTS.index("forearm")][-1]
    assert (last[0] < CAMERA.x_px) == right_is_nearer


def test_leaning_moves_the_head_and_leaves_the_hips() -> None:
    body = draw_body(np.random.default_rng(1))
    upright, leaning = (parts(body, pose(lean=lean), CAMERA) for lean in (0.0, 0.1))
    for name, least_px, most_px in (("head", 5, 15), ("trousers", 0, 1)):
        columns = [drawn[drawn[:, 8] == PARTS.index(name), 0] for drawn in (upright, leaning)]
        assert least_px <= abs(float((columns[1] - columns[0])[0])) <= most_px


def test_bodies_differ() -> None:
    torsos = [draw_body(np.random.default_rng(k)).textures[0] for k in range(10)]
    for k, torso in enumerate(torsos):
        for other in torsos[:k]:
            assert np.abs(np.log(torso) - np.log(other)).mean() > 0.05
