"""The batch normalisation that comes before a network's first convolution."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


def convolved(norm: nn.BatchNorm2d, conv: nn.Conv2d, x: Tensor) -> Tensor:
    """``conv(norm(x))`` of windows ``[N, channels, H, W]``.

    While it is trained on windows that are given, the scale goes into the kernel and the shift
    through it alone: the same values, and no gradient for every cell of every window, which is
    the largest tensor of all and takes a third of a step.
    """
    if not norm.training or not torch.is_grad_enabled() or x.requires_grad:
        return conv(_laid_out(norm(x)))  # type: ignore[no-any-return]
    scale, centred = _centred(norm, x)
    kernel, shift = conv.weight * scale, norm.bias[:, None, None]
    # Nothing here has a padding that goes by a name.
    where = (conv.stride, cast(tuple[int, ...], conv.padding))
    shifted = functional.conv2d(shift.expand(1, -1, *x.shape[2:]), conv.weight, None, *where)
    return functional.conv2d(centred, kernel, conv.bias, *where) + shifted


def _centred(norm: nn.BatchNorm2d, x: Tensor) -> tuple[Tensor, Tensor]:
    """By what to multiply ``x`` without its mean, ``[channels, 1, 1]``, and ``x`` without it.

    As convolutions take it: of their precision and layout. The statistics go into ``norm``.
    """
    assert norm.momentum is not None and norm.num_batches_tracked is not None
    assert norm.running_mean is not None and norm.running_var is not None
    with torch.no_grad():
        count = x.numel() // x.shape[1]
        mean = x.mean(dim=(0, 2, 3))
        centred = x - mean[:, None, None]
        # Of the sums of squares that there are the quickest by far.
        variance = torch.linalg.vector_norm(centred.flatten(2), dim=2).square().sum(0) / count
        norm.num_batches_tracked.add_(1)
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * count / (count - 1), norm.momentum)
        if torch.is_autocast_enabled(x.device.type):
            # Before it is laid out, which takes as long as the numbers are wide.
            centred = centred.to(torch.get_autocast_dtype(x.device.type))
        centred = _laid_out(centred)
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return scale[:, None, None], centred


def _laid_out(x: Tensor) -> Tensor:
    """``x``, channel by channel of each cell: once here, and not in every kernel that reads it.

    A sixth of a training step on CPUs, and a third of what a mixer takes for a window.
    """
    return x.contiguous(memory_format=torch.channels_last)
