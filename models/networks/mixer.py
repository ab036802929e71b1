"""An MLP-mixer: an attacker that shares no convolution with the residual ones.

Source: Tolstikhin et al., "MLP-Mixer: An all-MLP Architecture for Vision", NeurIPS 2021, Sec. 2.
"""

from torch import Tensor, nn

from models.networks.input_norm import convolved

#: Pixels a side of a patch, and patches a side: 128x128 is covered without a rest.
_PATCH = 16
_GRID = 8
_WIDTH = 96
_TOKEN_WIDTH = 128
_CHANNEL_WIDTH = 192
_DEPTH = 4


class _Mlp(nn.Sequential):
    def __init__(self, size: int, hidden: int) -> None:
        super().__init__(nn.Linear(size, hidden), nn.GELU(), nn.Linear(hidden, size))


class _Block(nn.Module):
    """Mixes the patches, channel by channel, then the channels, patch by patch."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(_WIDTH)
        self.tokens = _Mlp(_GRID**2, _TOKEN_WIDTH)
        self.norm2 = nn.LayerNorm(_WIDTH)
        self.channels = _Mlp(_WIDTH, _CHANNEL_WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channels(self.norm2(x))  # type: ignore[no-any-return]


class Mixer(nn.Module):
    """An MLP-mixer without its classifier: float32 ``[N, channels, H, W]`` to ``[N, features]``.

    About 30 MMAC at 128x128 with 10 channels. Of another size, the patches are averaged, or
    repeated, to the same number of them. ``input_norm`` as in
    :class:`models.networks.resnet.Backbone`.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm2d(channels)
        self.patches = nn.Conv2d(channels, _WIDTH, _PATCH, stride=_PATCH)
        self.grid = nn.AdaptiveAvgPool2d(_GRID)
        self.blocks = nn.Sequential(*(_Block() for _ in range(_DEPTH)))
        self.norm = nn.LayerNorm(_WIDTH)
        #: Length of a feature vector.
        self.features = _WIDTH

    def forward(self, x: Tensor) -> Tensor:
        """Feature vectors ``[N, features]``, averaged over the patches."""
        patches = self.grid(convolved(self.input_norm, self.patches, x))
        return self.norm(self.blocks(patches.flatten(2).transpose(1, 2))).mean(dim=1)  # type: ignore[no-any-return]
