"""How like a raw window a guess is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.tiny import tiny_dataset
from training.audit.likeness import compared, figures, likeness, mean_window


@given(st.floats(0.1, 10), st.floats(-5, 5), st.integers(0, 99))
def test_correlation_does_not_see_scale_and_offset_and_the_error_does(
    scale: float, offset: float, seed: int
) -> None:
    raw = torch.rand(3, 2, 4, 5, generator=torch.Generator().manual_seed(seed))
    found = likeness(scale * raw + offset, raw)
    assert found.correlation == pytest.approx(1, abs=1e-4)
    assert found.mse == pytest.approx(
        float((scale * raw + offset - raw).square().mean()), rel=1e-4, abs=1e-9
    )
    assert likeness(-raw, raw).correlation == pytest.approx(-1, abs=1e-4)


def test_what_is_the_same_everywhere_is_like_nothing() -> None:
    raw = torch.rand(2, 2, 4, 5)
    assert likeness(torch.ones_like(raw), raw).correlation == 0


def test_the_figures_stand_beside_those_of_what_costs_nothing() -> None:
    windows = tiny_dataset().test
    raw = torch.from_numpy(windows.windows).float()
    constant = mean_window(windows, np.random.default_rng(0))
    assert constant.shape == raw.shape[1:]
    parts = [compared(part, part + 2, part, constant) for part in torch.split(raw, 3)]
    found = figures("solved", parts)
    assert found["mse_solved"] == 0 and found["correlation_solved"] == pytest.approx(1)
    assert found["mse_covered"] == pytest.approx(4)
    # No window beats the mean of them all.
    assert found["mse_constant"] == pytest.approx(float(raw.var(dim=0, correction=0).mean()))
