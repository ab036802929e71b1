import numpy as np
import pytest

from training.simulator.lighting import CONDITIONS, draw_light


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("seed", range(5))
def test_a_light_stays_within_its_condition(name: str, seed: int) -> None:
    condition = CONDITIONS[name]
    light = draw_light(condition, np.random.default_rng(seed))
    low, high = condition.level
    assert low <= light.level <= high
    seen = np.array([light.at(t_us) for t_us in range(0, 1_000_000, 500)]) / light.level
    swing = light.flicker + light.drift
    assert 0 < 1 - swing * 1.1 <= seen.min()
    assert seen.max() <= 1 + swing * 1.1


def test_lamps_flicker_twice_a_period_of_the_mains() -> None:
    light = draw_light(CONDITIONS["fluorescent"], np.random.default_rng(0))
    seen = np.array([light.at(t_us) for t_us in range(0, 1_000_000, 1_000)])
    spectrum = np.abs(np.fft.rfft(seen - seen.mean()))
    assert np.argmax(spectrum) == 100


def test_daylight_does_not_flicker() -> None:
    assert draw_light(CONDITIONS["natural"], np.random.default_rng(0)).flicker == 0
