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
        return conv(norm(x))  # type: ignore[no-any-return]
    assert norm.momentum is not None and norm.num_batches_tracked is not None
    with torch.no_grad():
        norm.num_batches_tracked.add_(1)
        # Once, and not in every kernel: a sixth of a step on CPUs.
        x = x.contiguous(memory_format=torch.channels_last)
        centred = functional.batch_norm(
            x, norm.running_mean, norm.running_var, None, None, True, norm.momentum, norm.eps
        )
    scale, shift = norm.weight[:, None, None], norm.bias[:, None, None]
    # Nothing here has a padding that goes by a name.
    where = (conv.stride, cast(tuple[int, ...], conv.padding))
    shifted = functional.conv2d(shift.expand(1, -1, *x.shape[2:]), conv.weight, None, *where)
    return functional.conv2d(centred, conv.weight * scale, conv.bias, *where) + shifted
