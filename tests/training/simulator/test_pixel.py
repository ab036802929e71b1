"""Against what the pixel's equations say, worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from events.packet import Packet, SensorSize
from training.simulator.pixel import DvsPixel, PixelParameters, simulate

SENSOR = SensorSize(6, 4)
SHAPE = (SENSOR.height, SENSOR.width)
#: No noise, no rest, every pixel alike, and it follows at once.
IDEAL = PixelParameters(
    threshold_on=0.2,
    threshold_off=0.25,
    threshold_mismatch=0,
    refractory_us=1,
    cutoff_hz=1e12,
    leak_hz=0,
    shot_noise_hz=0,
    hot_fraction=0,
)


def see(
    frames: list[NDArray[np.float32]],
    parameters: PixelParameters,
    *,
    frame_us: int = 10_000,
    seed: int = 0,
) -> Packet:
    pixels = DvsPixel(SENSOR, parameters, np.random.default_rng(seed))
    return np.concatenate([pixels.step(frame, k * frame_us) for k, frame in enumerate(frames)])


def even(log_intensity: float) -> NDArray[np.float32]:
    return np.full(SHAPE, np.exp(log_intensity), np.float32)


def test_a_still_picture_says_nothing() -> None:
    assert len(see([even(0.3)] * 5, IDEAL)) == 0


def test_a_rise_crosses_thresholds_at_evenly_spaced_times() -> None:
    events = see([even(0), even(1.01)], IDEAL)
    assert len(events) == 5 * SENSOR.width * SENSOR.height
    assert (events["p"] == 1).all()
    times = np.sort(events["t"][(events["x"] == 3) & (events["y"] == 2)])
    # Refractory times of 1 us push each a little further.
    assert times == pytest.approx(10_000 * 0.2 * np.arange(1, 6) / 1.01, abs=8)


def test_a_fall_gives_off_events_by_their_own_threshold() -> None:
    events = see([even(0), even(-1.01)], IDEAL)
    assert len(events) == 4 * SENSOR.width * SENSOR.height
    assert (events["p"] == 0).all()


def test_only_the_pixel_that_changes_tells_where_it_is() -> None:
    after = even(0)
    after[1, 4] *= 1.3
    events = see([even(0), after], IDEAL)
    assert [(e["x"], e["y"], e["p"]) for e in events] == [(4, 1, 1)]


def test_what_is_missing_to_a_threshold_is_remembered() -> None:
    events = see([even(0), even(0.15), even(0.21)], IDEAL)
    assert len(events) == SENSOR.width * SENSOR.height
    assert (events["t"] >= 10_000).all()


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.floats(-3, 3), min_size=24, max_size=24), min_size=2, max_size=6),
    st.integers(100, 60_000),
)
def test_events_add_up_to_the_change(levels: list[list[float]], frame_us: int) -> None:
    logs = np.array(levels, np.float32).reshape(-1, *SHAPE)
    events = see(list(np.exp(logs)), replace(IDEAL, refractory_us=1), frame_us=frame_us)
    assert (np.diff(events["t"]) >= 0).all()
    assert (events["t"] >= 0).all() and (events["t"] < (len(logs) - 1) * frame_us).all()
    told = np.zeros(SHAPE)
    steps = np.where(events["p"] != 0, 0.2, -0.25)
    np.add.at(told, (events["y"], events["x"]), steps)
    change = logs[-1] - logs[0]
    # In each rest of 1 us after an event a pixel may miss what happens meanwhile.
    fastest = 6 / frame_us
    missed = np.zeros(SHAPE)
    np.add.at(missed, (events["y"], events["x"]), fastest)
    assert (np.abs(change - told) <= 0.25 + missed + 1e-3).all()


def test_a_pixel_rests_for_the_refractory_time() -> None:
    frames = [even(3 * (k % 2)) for k in range(20)]
    events = see(frames, replace(IDEAL, refractory_us=1_700))
    for x, y in np.ndindex(SENSOR.width, SENSOR.height):
        times = events["t"][(events["x"] == x) & (events["y"] == y)]
        # Times are whole microseconds, rounded down.
        assert np.diff(times).min() >= 1_699
    assert len(events) < len(see(frames, IDEAL))


def test_a_rest_longer_than_a_frame_ends_in_a_later_one() -> None:
    rise = [even(0.21 * k) for k in range(8)]
    events = see(rise, replace(IDEAL, refractory_us=25_000))
    times = events["t"][(events["x"] == 0) & (events["y"] == 0)]
    assert np.diff(times).min() >= 24_999
    assert len(times) == 2


def test_a_slow_pixel_misses_fast_flicker_the_more_the_darker_it_is() -> None:
    frames = [even(0.9 * (k % 2)) for k in range(100)]
    dark = [frame * np.float32(0.05) for frame in frames]
    slow = replace(IDEAL, cutoff_hz=200)
    counts = [
        len(see(seen, parameters, frame_us=1_000))
        for seen, parameters in ((frames, IDEAL), (frames, slow), (dark, slow))
    ]
    assert counts[0] > counts[1] > counts[2]


def test_leak_gives_on_events_at_its_rate() -> None:
    events = see([even(0)] * 1001, replace(IDEAL, leak_hz=2))
    assert (events["p"] == 1).all()
    assert len(events) / (SENSOR.width * SENSOR.height) == pytest.approx(10 * 2, abs=1)


def test_noise_has_its_rate_and_is_stronger_in_the_dark() -> None:
    noisy = replace(IDEAL, shot_noise_hz=100)
    dark, bright = (see([even(log)] * 1001, noisy) for log in (-9, 0.1))
    expected = 100 * 10 * SENSOR.width * SENSOR.height
    assert len(dark) == pytest.approx(expected, rel=0.03)
    assert len(bright) == pytest.approx(expected / 4, rel=0.06)
    assert np.mean(dark["p"] != 0) == pytest.approx(0.5, abs=0.03)


def test_hot_pixels_are_few_and_loud() -> None:
    hot = replace(IDEAL, hot_fraction=0.1, hot_hz=50)
    events = see([even(-9)] * 201, hot, seed=1)
    counts = np.bincount(events["y"].astype(int) * SENSOR.width + events["x"], minlength=24)
    loud = counts > 0
    assert 0 < loud.sum() < 8
    assert counts[loud] == pytest.approx(np.full(loud.sum(), 100), rel=0.35)


def test_thresholds_differ_from_pixel_to_pixel() -> None:
    events = see([even(0), even(2)], replace(IDEAL, threshold_mismatch=0.03))
    counts = np.bincount(events["y"].astype(int) * SENSOR.width + events["x"])
    assert len(set(counts)) > 2


def test_the_generator_decides_on_everything() -> None:
    frames = [even(0.3 * (k % 3)) for k in range(20)]
    parameters = PixelParameters(shot_noise_hz=20)
    first, again, other = (see(frames, parameters, seed=seed) for seed in (5, 5, 6))
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("second_us", [0, -5, 60_001])
def test_refuses_time_that_does_not_advance_or_leaps(second_us: int) -> None:
    pixels = DvsPixel(SENSOR, IDEAL, np.random.default_rng(0))
    pixels.step(even(0), 0)
    with pytest.raises(ValueError, match="is not within"):
        pixels.step(even(0), second_us)


def test_black_is_no_error() -> None:
    events = see([even(0), np.zeros(SHAPE, np.float32), even(0)], IDEAL)
    assert set(events["p"]) == {0, 1}


class Brightening:
    """Log intensity rises by 1 a second."""

    sensor = SENSOR

    def render(self, t_us: int, out: NDArray[np.float32]) -> None:
        """Even."""
        out[:] = np.exp(t_us * 1e-6)


class Pausing(Brightening):
    """Asks for few frames, then for more; holds the times of those that it got."""

    def __init__(self) -> None:
        super().__init__()
        self.times_us: list[int] = []

    def frame_us(self, t_us: int) -> int:
        """Two paces."""
        return 20_000 if t_us < 40_000 else 5_000

    def render(self, t_us: int, out: NDArray[np.float32]) -> None:
        """Even."""
        self.times_us.append(t_us)
        super().render(t_us, out)


def test_a_scene_may_set_the_pace() -> None:
    scene = Pausing()
    simulate(scene, 53_000, IDEAL, np.random.default_rng(0))
    assert scene.times_us == [0, 20_000, 40_000, 45_000, 50_000, 53_000]


@pytest.mark.parametrize("frame_us", [4_000, 7_000])
def test_simulate_covers_the_whole_duration(frame_us: int) -> None:
    generator = np.random.default_rng(0)
    events = simulate(Brightening(), 1_010_000, IDEAL, generator, frame_us=frame_us)
    times = events["t"][(events["x"] == 0) & (events["y"] == 0)]
    assert times == pytest.approx([200_000, 400_000, 600_000, 800_000, 1_000_000], abs=30)
