"""Geometric augmentation of windows (AnonyNoise, Sec. 5.2).

Published: zero-padding by a twelfth of the size and a random crop, a random rotation, a random
horizontal flip, which gestures do not get because their labels know left from right. The largest
angle is lost in the text; 15 degrees is assumed.
"""

from math import pi

import torch
from torch import Tensor
from torch.nn import functional

from training.config import AugmentPart

_PADDING = 12


def augment(windows: Tensor, part: AugmentPart, generator: torch.Generator | None = None) -> Tensor:
    """Move each of ``windows`` ``[N, C, H, W]`` by its own draw, all its channels alike.

    Pixels are taken from the nearest one, so counts stay counts; what comes from outside is 0.
    Any type of number, bytes being the fastest. Also where training runs in lower precision: a
    place in a picture has more digits than bfloat16 holds.
    The draws come from ``generator`` (torch's own if None), which lives on the CPU wherever the
    windows are.
    """
    count, _, height, width = windows.shape

    def draw() -> Tensor:
        return torch.rand(count, generator=generator)

    def shift(size: int) -> Tensor:
        # Cropping the padded window at random is a shift by at most the padding.
        most = size // _PADDING if part.crop else 0
        return (draw() * (2 * most + 1)).floor() - most

    angle = (2 * draw() - 1) * part.rotation_degrees * pi / 180
    down, right = shift(height), shift(width)
    mirror = torch.where(draw() < 0.5, -1.0, 1.0) if part.flip else torch.ones(count)
    # affine_grid's unit is half a side, hence the sides' ratios and the 2 / size.
    cosine, sine = angle.cos(), angle.sin()
    rows = [
        mirror * cosine, -mirror * sine * (height / width), 2 * right / width,
        sine * (width / height), cosine, 2 * down / height,
    ]  # fmt: skip
    theta = torch.stack(rows, dim=1).reshape(count, 2, 3)
    with torch.autocast("cpu", enabled=False):
        grid = functional.affine_grid(theta, list(windows.shape), align_corners=False)
        return _taken(windows, grid)


def _taken(windows: Tensor, grid: Tensor) -> Tensor:
    """``grid_sample(windows, grid, mode="nearest")``, for bytes too and in a third of its time.

    Every channel is taken from the same places, which ``grid_sample`` finds for each anew.
    """
    count, channels, height, width = windows.shape
    x = ((grid[..., 0] + 1) * width - 1).div_(2).round_()
    y = ((grid[..., 1] + 1) * height - 1).div_(2).round_()
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    # One place behind the last pixel, which is 0, stands for all that lie outside.
    outside = height * width
    places = (y * width + x).masked_fill_(~inside, outside).long().view(count, 1, outside)
    pixels = functional.pad(windows.reshape(count, channels, outside), (0, 1))
    places = places.to(windows.device).expand(-1, channels, -1)
    return pixels.gather(2, places).view(windows.shape)
