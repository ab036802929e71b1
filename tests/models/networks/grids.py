"""Voxel grids of made-up windows."""

import torch


def bins(windows: int, seed: int = 0) -> torch.Tensor:
    """On minus off ``[N, 5, 16, 20]``, most of it 0."""
    generator = torch.Generator().manual_seed(seed)
    return torch.poisson(torch.full((windows, 5, 16, 20), 0.2), generator) - torch.poisson(
        torch.full((windows, 5, 16, 20), 0.1), generator
    )
