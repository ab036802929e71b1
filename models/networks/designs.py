"""The two bodies an anonymizer can have: convolutions that keep a window's height and width.

Both map float32 ``[N, inputs, H, W]`` to ``[N, outputs, H, W]`` for any H and W, and neither
carries its input around the convolutions to its output.
"""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

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
