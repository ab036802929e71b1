"""Pictures of windows."""

import torch

from training.pictures import strip


def test_bins_lie_side_by_side_on_red_and_off_blue() -> None:
    window = torch.zeros(4, 3, 5)
    window[1, 0, 0] = 9  # bin 0, on
    window[2, 2, 4] = 9  # bin 1, off
    picture = strip(window)
    assert picture.shape == (3, 3, 10)
    assert picture.dtype == torch.uint8
    assert picture[:, 0, 0].tolist() == [255, 0, 0]
    assert picture[:, 2, 9].tolist() == [0, 0, 255]
    assert int((picture > 0).sum()) == 2


def test_noise_and_emptiness_stay_in_range() -> None:
    noisy = 300 * torch.randn(10, 16, 16, generator=torch.Generator().manual_seed(0))
    assert strip(noisy).max() == 255
    assert strip(torch.zeros(10, 16, 16)).max() == 0
