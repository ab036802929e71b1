"""The bodies an anonymizer can have.

All map float32 ``[N, inputs, H, W]`` to ``[N, outputs, H, W]`` for any H and W, and none
carries its input around its layers to its output.
"""

from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.resnet import Backbone
from models.networks.target import TargetNetwork
from models.networks.tiles import TILE, repeated

#: Widths between the six convolutions of the published design.
PAPER_WIDTHS = (64, 128, 256, 128, 64)


def paper_body(inputs: int, outputs: int) -> nn.Sequential:
    """Six 3x3 convolutions of stride 1 with ReLU between (AnonyNoise, Sec. 4.2).

    12.4 GMAC for ``2C = 20`` inputs at 128x128.
    """
    widths = (inputs, *PAPER_WIDTHS, outputs)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers[:-1])


class CheapBody(nn.Module):
    """All work at a quarter of the resolution, for CPUs.

    About 90 MMAC for 20 inputs at 128x128 with the default width::

        input -> 4x4 stride 4 -> 3x3, 3x3, 3x3 -> 1x1 -> pixel shuffle 4 -> output
    """

    STRIDE = 4

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        stride = self.STRIDE
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, width, stride, stride=stride),
            nn.ReLU(inplace=True),
            *(
                layer
                for _ in range(3)
                for layer in (nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True))
            ),
            nn.Conv2d(width, outputs * stride**2, 1),
            nn.PixelShuffle(stride),
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outputs, H, W]`` for ``x`` ``[N, inputs, H, W]``."""
        # Padding by a constant makes the strided convolution round up, so that no size needs
        # arithmetic in the exported graph; what is over is cut away again.
        most = self.STRIDE - 1
        height, width = x.shape[2:]
        return self.layers(functional.pad(x, (0, most, 0, most)))[:, :, :height, :width]  # type: ignore[no-any-return]


class SummaryBody(nn.Module):
    """The whole window in ``16 * outputs`` numbers, which are repeated all over it.

    What is seen at one place is nowhere to be found in the output: a recogniser sums the
    window up, and its summary becomes a pattern of 4x4 cells. 24 MMAC for 10 inputs at
    128x128, less than the cheap design::

        input -> backbone `small` -> linear -> repeated over H/4, W/4 -> pixel shuffle 4 -> output
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.backbone = Backbone("small", inputs)
        self.linear = nn.Linear(self.backbone.features, outputs * TILE**2)

    def train(self, mode: bool = True) -> Self:
        """As ever, but batch normalisations keep their statistics.

        What a window becomes must not depend on the others of its batch, in training neither.
        """
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outputs, H, W]`` for ``x`` ``[N, inputs, H, W]``."""
        return repeated(self.linear(self.backbone(x)), x)


class CodesBody(nn.Module):
    """One of a few patterns, which is repeated all over the window.

    A recogniser decides which: the output is one of ``codes`` constants, whatever the input, so
    that a window tells ``log2(codes)`` bits of what was seen at most, noise or not. Nothing that
    lies between two patterns is ever there to be averaged::

        input -> recogniser `small` -> argmax -> 16 * outputs numbers -> as in SummaryBody
    """

    def __init__(self, inputs: int, outputs: int, codes: int) -> None:
        super().__init__()
        self.recogniser = TargetNetwork("small", inputs, codes)
        self.patterns = nn.Parameter(torch.empty(codes, outputs * TILE**2))
        nn.init.orthogonal_(self.patterns)

    def train(self, mode: bool = True) -> Self:
        """As ever, but the recogniser decides as it will be deployed; see SummaryBody."""
        super().train(mode)
        self.recogniser.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """``[N, outputs, H, W]`` for ``x`` ``[N, inputs, H, W]``."""
        logits = self.recogniser(x)
        pattern = self.patterns[logits.argmax(dim=1)]
        if self.training:
            # The decision has no slope: that of the probabilities stands in for it (Bengio et
            # al., "Estimating or Propagating Gradients Through Stochastic Neurons", 2013).
            likely = logits.softmax(dim=1) @ self.patterns.detach()
            pattern = pattern + likely - likely.detach()
        return repeated(pattern, x)
