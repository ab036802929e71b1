"""The denoiser of the inversion attack (AnonyNoise, Sec. 5.6 and appendix C)."""

from typing import Any

import torch
from torch import Tensor, nn

from models.errors import ModelError

#: Adam's steps are of one size for all parameters, too small to take a gain of 1 to 0 in a short
#: training: it is learned in units of this.
_GAIN_UNIT = 10.0


class Denoiser(nn.Module):
    """``depth`` 3x3 convolutions, all but the last with batch normalisation and ReLU.

    What the last puts out is added to what the first sees, times a learned gain of each channel:
    nothing is added and all is kept at first, so that the attacker behind it begins with what
    it knows and loses none of it in a short training. Raises :class:`ModelError` for fewer than
    two.
    """

    def __init__(self, channels: int, depth: int = 15, width: int = 64) -> None:
        super().__init__()
        if depth < 2:
            raise ModelError("must be 2 at least", field="depth")
        #: The arguments, as a checkpoint stores them.
        self.config: dict[str, Any] = {"channels": channels, "depth": depth, "width": width}
        layers: list[nn.Module] = []
        for before in (channels, *[width] * (depth - 2)):
            layers += [
                nn.Conv2d(before, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        last = nn.Conv2d(width, channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.body = nn.Sequential(*layers, last)
        # Fewer channels than it takes to hand noise on could not take it away either.
        self.gain = nn.Parameter(torch.full((channels, 1, 1), 1 / _GAIN_UNIT))
        # Trains in two thirds of the time on CPUs; changes no value's meaning.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """The estimated raw counts ``[N, 2T, H, W]`` of anonymized windows of that shape."""
        x = x.contiguous(memory_format=torch.channels_last)
        return _GAIN_UNIT * self.gain * x + self.body(x)  # type: ignore[no-any-return]
