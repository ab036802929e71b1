"""Patterns that are repeated all over a window: one way to write them, and the way to read them."""

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Cells a side of a pattern.
TILE = 4


def repeated(numbers: Tensor, like: Tensor) -> Tensor:
    """``numbers`` ``[N, C * TILE**2]``, ``TILE`` x ``TILE`` cells of each channel, all over.

    ``[N, C, H, W]`` of the height and width of ``like``.
    """
    height, width = like.shape[2:]
    tile = functional.pixel_shuffle(numbers[:, :, None, None], TILE)
    # Rounded up without negative numbers, whose quotients ONNX rounds towards 0.
    rows, columns = ((n + TILE - 1) // TILE for n in (height, width))
    return tile.repeat(1, 1, rows, columns)[:, :, :height, :width]


class TileMeans(nn.Module):
    """The mean tile of windows ``[N, channels, H, W]``, at one scale: ``[N, features]``.

    Of a pattern under independent noise nothing else tells anything more. A convolution can learn
    to add 1024 tiles up, but finds a pattern far below the noise slowly or never.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        #: Length of the vector.
        self.features = channels * TILE**2
        self.norm = nn.BatchNorm1d(self.features)

    def forward(self, x: Tensor) -> Tensor:
        """What is left of a tile at the lower and right edge counts as if the rest were 0."""
        rows, columns = ((n + TILE - 1) // TILE for n in x.shape[2:])
        # Float32: in bfloat16 a mean of thousands keeps two or three digits.
        with torch.autocast(x.device.type, enabled=False):
            x = x.float()
            # Line by line, as they lie in memory, and nothing padded: a third of the time.
            lines = torch.stack([x[:, :, i::TILE].sum(dim=2) for i in range(TILE)], dim=2)
            cells = torch.stack([lines[..., i::TILE].sum(dim=3) for i in range(TILE)], dim=3)
            return self.norm(cells.flatten(1) / (rows * columns))  # type: ignore[no-any-return]
