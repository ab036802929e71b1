"""Structural similarity of pictures (Wang et al., 2004, IEEE Trans. Image Processing 13(4)).

Eq. 13, with the paper's Gaussian window of 11x11 and standard deviation 1.5, K1 = 0.01 and
K2 = 0.03, where the window lies wholly in the picture.
"""

import torch
from torch import Tensor
from torch.nn import functional

_SIZE, _STD = 11, 1.5
_K1, _K2 = 0.01, 0.03


def ssim(one: Tensor, other: Tensor) -> Tensor:
    """Mean SSIM, float ``[N]``, of grey pictures ``[N, 1, H, W]`` with values from 0 to 1.

    Height and width must be 11 at least.
    """
    offset = torch.arange(_SIZE, dtype=one.dtype, device=one.device) - _SIZE // 2
    weights = torch.exp(-(offset**2) / (2 * _STD**2))
    weights = weights / weights.sum()

    def blurred(x: Tensor) -> Tensor:
        rows = functional.conv2d(x, weights[None, None, :, None])
        return functional.conv2d(rows, weights[None, None, None, :])

    mean, other_mean = blurred(one), blurred(other)
    variance = blurred(one * one) - mean**2
    other_variance = blurred(other * other) - other_mean**2
    covariance = blurred(one * other) - mean * other_mean
    luminance = (2 * mean * other_mean + _K1**2) / (mean**2 + other_mean**2 + _K1**2)
    structure = (2 * covariance + _K2**2) / (variance + other_variance + _K2**2)
    return (luminance * structure).mean(dim=(1, 2, 3))
