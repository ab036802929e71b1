"""Voxel grids of windows."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.networks.voxels import normalised, voxels
from tests.models.networks.grids import bins


def test_bins_are_on_minus_off_and_as_many_as_asked_for() -> None:
    windows = torch.arange(20.0).reshape(1, 20, 1, 1).expand(2, 20, 3, 4).clone()
    windows[:, 1::2] += torch.arange(10.0)[None, :, None, None]
    assert voxels(windows[:, :10], 5)[0, :, 0, 0].tolist() == [1, 2, 3, 4, 5]
    assert voxels(windows, 5)[0, :, 0, 0].tolist() == [1.5, 3.5, 5.5, 7.5, 9.5]
    assert voxels(windows[:, :2], 5).shape == (2, 5, 3, 4)
    assert voxels(windows, 1)[0, 0, 0, 0] == 5.5


@given(st.integers(0, 200), st.floats(0.1, 100))
def test_normalised_cells_have_mean_0_and_deviation_1_and_quiet_ones_stay_0(
    seed: int, scale: float
) -> None:
    windows = bins(3, seed)
    found = normalised(scale * windows)
    assert (found[windows == 0] == 0).all()
    for window, result in zip(windows, found, strict=True):
        seen = result[window != 0]
        assert abs(float(seen.mean())) < 1e-4
        assert abs(float(seen.std(correction=0)) - 1) < 1e-3


def test_windows_without_a_difference_stay_finite() -> None:
    same = torch.zeros(2, 5, 8, 8)
    same[1, :, 2] = 3
    assert (normalised(same) == 0).all()
