"""What networks that draw pictures of events are fed: voxel grids of windows.

Source: Rebecq et al., "High Speed and High Dynamic Range Video with an Event Camera", TPAMI 2019,
Sec. 4.1, and the inference published with it, which FireNet's follows.
"""

import torch
from torch import Tensor
from torch.nn import functional


def voxels(windows: Tensor, bins: int) -> Tensor:
    """On minus off of ``windows`` ``[N, 2T, H, W]`` in ``bins`` temporal bins: ``[N, B, H, W]``.

    Another number of bins than T is resampled, each new bin with the mean of what it spans.
    """
    difference = windows[:, 1::2] - windows[:, 0::2]
    if difference.shape[1] == bins:
        return difference
    return functional.adaptive_avg_pool3d(difference, (bins, *difference.shape[2:]))


def normalised(bins: Tensor) -> Tensor:
    """``bins`` ``[N, B, H, W]``, on minus off, as published weights were trained to see them.

    Of each window, the cells that are not 0 get mean 0 and standard deviation 1; the others
    stay 0.
    """
    seen = bins != 0
    count = seen.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    mean = bins.sum(dim=(1, 2, 3), keepdim=True) / count
    apart = torch.where(seen, bins - mean, 0)
    std = (apart.square().sum(dim=(1, 2, 3), keepdim=True) / count).sqrt()
    # Where all cells that are not 0 are alike there is nothing to scale.
    return apart / torch.where(std > 0, std, 1)
