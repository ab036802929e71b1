import math

import numpy as np
import pytest

from training.simulator.eye_motion import Blinks, Gaze, Wobble
from training.simulator.eye_subject import eye_subject

TIMES_S = np.arange(0.0, 60.0, 0.005)


@pytest.fixture(params=range(2))
def manner(request):
    return eye_subject(5, request.param).manner


def test_a_wobble_is_as_large_as_asked() -> None:
    wobble = Wobble.draw(np.random.default_rng(0), 2.0, 0.5, 3.0)
    values = [wobble.at(time_s) for time_s in TIMES_S]
    assert np.std(values) == pytest.approx(2.0, rel=0.1)
    assert np.mean(values) == pytest.approx(0.0, abs=0.1)


def test_a_wobble_keeps_to_its_frequencies() -> None:
    wobble = Wobble.draw(np.random.default_rng(1), 1.0, 2.0, 4.0)
    power = np.abs(np.fft.rfft([wobble.at(time_s) for time_s in TIMES_S])) ** 2
    frequency_hz = np.fft.rfftfreq(len(TIMES_S), 0.005)
    inside = (frequency_hz > 1.9) & (frequency_hz < 4.1)
    assert power[inside].sum() > 0.98 * power[1:].sum()


def test_gaze_jumps_as_fast_as_eyes_do(manner) -> None:
    gaze = Gaze.draw(manner, 1.0, np.random.default_rng(2))
    path = np.array([gaze.at(time_s) for time_s in TIMES_S])
    speed = np.linalg.norm(np.diff(path, axis=0), axis=1) / 0.005
    # 60 degrees a half fissure; the fastest saccades of people reach about 700 degrees a second.
    assert speed.max() * 60 < 900
    moving = speed * 60 > 60
    saccades_a_second = np.count_nonzero(np.diff(moving.astype(int)) == 1) / 60
    assert 0.5 * manner.saccade_rate_hz < saccades_a_second < 1.5 * manner.saccade_rate_hz


def test_gaze_stays_between_the_lids(manner) -> None:
    gaze = Gaze.draw(manner, 2.0, np.random.default_rng(3))
    path = np.array([gaze.at(time_s) for time_s in TIMES_S])
    assert np.abs(path).max() < 0.6


def test_blinks_close_and_open_again(manner) -> None:
    blinks = Blinks.draw(manner, 1.0, np.random.default_rng(4))
    closed = np.array([blinks.at(time_s) for time_s in TIMES_S])
    assert closed.min() == 0.0
    assert closed.max() == pytest.approx(manner.blink_depth)
    assert np.abs(np.diff(closed)).max() < 0.25
    blinks_a_second = np.count_nonzero(np.diff((closed > 0.5).astype(int)) == 1) / 60
    assert 0.5 * manner.blink_rate_hz < blinks_a_second < 1.7 * manner.blink_rate_hz
    # Down is faster than up (Evinger et al., 1991).
    steps = np.diff(closed)
    assert np.count_nonzero(steps > 0) < 0.8 * np.count_nonzero(steps < 0)


def test_a_path_goes_on_after_a_minute(manner) -> None:
    gaze = Gaze.draw(manner, 1.0, np.random.default_rng(5))
    assert all(math.isfinite(value) for value in gaze.at(3600.0))
