import numpy as np
import pytest
from numpy.typing import NDArray

from events.packet import Packet
from training.simulator.gesture_scene import (
    GESTURE_LIGHTINGS,
    GESTURES,
    GestureScene,
    gesture_scene,
)
from training.simulator.pixel import PixelParameters, simulate


def frame(scene: GestureScene, t_us: int = 300_000) -> NDArray[np.float32]:
    out = np.empty((scene.sensor.height, scene.sensor.width), np.float32)
    scene.render(t_us, out)
    return out


def events(label: str, subject: int) -> Packet:
    scene = gesture_scene(0, subject, label, "natural", 0)
    noiseless = PixelParameters(shot_noise_hz=0, hot_fraction=0)
    return simulate(scene, 600_000, noiseless, np.random.default_rng(0))


@pytest.mark.parametrize("label", GESTURES)
@pytest.mark.parametrize("lighting", GESTURE_LIGHTINGS)
def test_light_comes_from_everywhere(label: str, lighting: str) -> None:
    image = frame(gesture_scene(3, 1, label, lighting, 0))
    assert np.isfinite(image).all()
    assert image.min() > 0


def test_the_same_arguments_give_the_same_picture() -> None:
    one, again = (gesture_scene(3, 1, "air_drums", "led", 2) for _ in range(2))
    assert frame(one).tobytes() == frame(again).tobytes()


@pytest.mark.parametrize(
    "other",
    [
        (4, 1, "air_drums", "led", 2),
        (3, 0, "air_drums", "led", 2),
        (3, 1, "air_guitar", "led", 2),
        (3, 1, "air_drums", "natural", 2),
        (3, 1, "air_drums", "led", 0),
    ],
)
def test_every_argument_matters(other: tuple[int, int, str, str, int]) -> None:
    one, two = gesture_scene(3, 1, "air_drums", "led", 2), gesture_scene(*other)
    assert one.camera != two.camera
    assert frame(one).tobytes() != frame(two).tobytes()
    same_person = other[:2] == (3, 1)
    assert (one.body.textures.tobytes() == two.body.textures.tobytes()) == same_person
    assert (one.body.tempo == two.body.tempo) == same_person


def test_a_person_stands_elsewhere_each_time() -> None:
    cameras = [
        gesture_scene(0, 0, "air_drums", "led", repetition).camera for repetition in range(40)
    ]
    assert np.std([camera.x_px for camera in cameras]) > 3
    assert np.std([camera.y_px for camera in cameras]) > 2
    assert np.std([1 / camera.distance_m for camera in cameras]) > 0.05


@pytest.mark.parametrize("subject", range(3))
def test_the_right_hand_waves_on_the_pictures_left(subject: int) -> None:
    right, left = (events(f"{side}_hand_wave", subject) for side in ("right", "left"))
    for packet, hand_is_right in ((right, True), (left, False)):
        x_px = gesture_scene(0, subject, f"{'right' if hand_is_right else 'left'}_hand_wave",
                             "natural", 0).camera.x_px  # fmt: skip
        beside = (packet["x"] < x_px - 15).sum(), (packet["x"] > x_px + 15).sum()
        assert (beside[0] > beside[1]) == hand_is_right


def test_head_and_torso_move_whatever_the_hands_do() -> None:
    packet = events("right_hand_wave", 2)
    camera = gesture_scene(0, 2, "right_hand_wave", "natural", 0).camera
    for start_us in (0, 300_000):
        now = packet[(packet["t"] >= start_us) & (packet["t"] < start_us + 300_000)]
        near = np.abs(now["x"] - camera.x_px) < 12
        assert (near & (now["y"] < camera.y_px - 8)).sum() > 100
        assert (near & (now["y"] > camera.y_px + 10)).sum() > 100
