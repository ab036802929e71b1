import numpy as np
import pytest

from training.simulator.eye_lighting import eye_lighting
from training.simulator.eye_scene import EMOTIONS, EYE_LIGHTINGS, EYE_SENSOR, eye_scene
from training.simulator.pixel import PixelParameters, simulate

SIZE = (EYE_SENSOR.height, EYE_SENSOR.width)


def picture(t_us=0, *, seed=1, subject=0, label="neutrality", lighting="normal", repetition=0):
    out = np.full(SIZE, np.nan, np.float32)
    eye_scene(seed, subject, label, lighting, repetition).render(t_us, out)
    return out


@pytest.mark.parametrize("lighting", EYE_LIGHTINGS)
@pytest.mark.parametrize("label", EMOTIONS)
def test_every_pixel_is_lit(label, lighting) -> None:
    scene = eye_scene(1, 2, label, lighting, 3)
    out = np.full(SIZE, np.nan, np.float32)
    for t_us in (0, 333_000, 5_000_000):
        scene.render(t_us, out)
        assert np.isfinite(out).all() and out.min() > 0


def test_the_same_arguments_give_the_same_picture() -> None:
    np.testing.assert_array_equal(picture(750_000), picture(750_000))


def test_a_picture_does_not_depend_on_those_before() -> None:
    scene = eye_scene(1, 0, "fear", "hdr", 0)
    out = np.empty(SIZE, np.float32)
    for t_us in (900_000, 100_000, 500_000):
        scene.render(t_us, out)
    np.testing.assert_array_equal(out, picture(500_000, label="fear", lighting="hdr"))


@pytest.mark.parametrize(
    "other",
    [{"seed": 2}, {"subject": 1}, {"repetition": 1}, {"lighting": "hdr"}, {"label": "fear"}],
)
def test_another_argument_gives_another_picture(other) -> None:
    assert np.abs(np.log(picture(**other) / picture())).mean() > 0.02


def test_lamps_are_reflected_by_an_open_eye() -> None:
    for repetition in range(4):
        pixels = picture(repetition=repetition, subject=repetition)
        assert pixels.max() > 2 * np.percentile(pixels, 95)


def test_an_expression_moves_the_brow() -> None:
    """Beyond what the camera's slip does in neutrality."""

    def unrest(label: str) -> float:
        total = 0.0
        for repetition in range(4):
            scene = eye_scene(1, 4, label, "normal", repetition)
            frames = np.empty((24, *SIZE), np.float32)
            for index, frame in enumerate(frames):
                scene.render(index * 50_000, frame)
            total += float(np.log(frames[:, :56]).std(axis=0).mean())
        return total

    assert unrest("surprise") > 1.25 * unrest("neutrality")


def test_lighting_conditions_differ_in_level_and_range() -> None:
    pictures = {
        name: np.stack([picture(lighting=name, repetition=r) for r in range(6)])
        for name in EYE_LIGHTINGS
    }
    level = {name: np.median(pixels) for name, pixels in pictures.items()}
    assert 3 * level["low-light"] < level["normal"] < level["overexposure"] / 3

    def decades(name: str) -> float:
        low, high = np.percentile(pictures[name], [5, 95], axis=(1, 2))
        return float(np.mean(np.log10(high / low)))

    assert decades("hdr") > decades("normal") + 0.3


def test_only_hdr_has_a_shadow_across_the_picture() -> None:
    for name in EYE_LIGHTINGS:
        white = eye_lighting(name, EYE_SENSOR, np.random.default_rng(0)).at(0.0).white
        assert (white.max() / white.min() > 3) == (name == "hdr")


def test_pupils_widen_in_the_dark() -> None:
    generator = np.random.default_rng(0)
    pupil = {name: eye_lighting(name, EYE_SENSOR, generator).pupil for name in EYE_LIGHTINGS}
    assert pupil["low-light"] > pupil["normal"] > pupil["overexposure"]


@pytest.mark.parametrize(("label", "lighting"), [*zip(EMOTIONS, EYE_LIGHTINGS * 2, strict=False)])
def test_the_eye_fills_the_picture_with_events(label, lighting) -> None:
    """Half a second of any emotion shows lids, iris and brow, not noise alone."""
    scene = eye_scene(1, 4, label, lighting, 0)
    events = simulate(
        scene, 500_000, PixelParameters(shot_noise_hz=0.0, leak_hz=0.0), np.random.default_rng(0)
    )
    assert 2_000 < len(events) < 150_000
    seen = np.zeros(SIZE, bool)
    seen[events["y"], events["x"]] = True
    assert seen[60:110, 25:103].mean() > 0.2
    assert seen[:60].sum() > 100
    assert 0.25 < (events["p"] != 0).mean() < 0.75


def test_frames_come_closer_together_while_the_lid_or_the_gaze_moves() -> None:
    scene = eye_scene(1, 0, "neutrality", "normal", 0)
    before, after = np.empty((2, *SIZE), np.float32)
    speeds: dict[int, list[float]] = {5_000: [], 10_000: []}
    t_us = 0
    while t_us < 4_000_000:
        step_us = scene.frame_us(t_us)
        scene.render(t_us, before)
        scene.render(t_us + step_us, after)
        # The eye and its lids; the camera's slip moves the rest as well.
        change = np.abs(np.log(after / before))[60:100, 30:98].mean()
        speeds[step_us].append(float(change) / step_us)
        t_us += step_us
    fast, slow = speeds.values()
    assert 20 < len(fast) < 2 * len(slow)
    assert np.median(fast) > 2 * np.median(slow)


@pytest.mark.parametrize("argument", [{"label": "boredom"}, {"lighting": "disco"}])
def test_unknown_names_are_refused(argument) -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        picture(**argument)
