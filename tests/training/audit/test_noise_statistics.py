"""Statistics of noise, on noise of which the answer is known."""

import numpy as np
import pytest

from training.audit.noise_statistics import holm, repeated_run


def test_p_values_are_adjusted_for_their_number() -> None:
    adjusted = holm({"a": 0.04, "b": 0.01, "c": 0.03})
    assert adjusted == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_runs_are_found_at_any_place() -> None:
    signs = np.random.default_rng(0).random((3, 500)) > 0.5
    assert not repeated_run(signs)
    signs[2, 301:365] = signs[0, 17:81]
    assert repeated_run(signs)
    signs[2, 301] = not signs[2, 301]
    assert not repeated_run(signs)
    assert not repeated_run(np.ones((2, 20), bool))
