"""E2VID: grey pictures from events (Rebecq et al., TPAMI 2019, Sec. 4).

A UNet with a memory: a convolution, three encoders, each of which halves the sides, doubles the
channels and has a convolutional LSTM behind it, two residual blocks, and three decoders, whose
inputs are sums with what the encoder of the same size put out.

The names and shapes of its ``state_dict`` are those that the published code gives the lightweight
model, ``E2VID_lightweight.pth.tar`` (10,712,098 parameters): three encoders, batch normalisation,
transposed convolutions. With made-up weights both draw the same pictures. The file itself could not
be had: its settings are those that others printed or wrote of it, and no picture drawn with its
weights was looked at.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

_WIDTH = 32
_ENCODERS = 3


class _Convolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(
            inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False
        )
        self.norm_layer = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm_layer(self.conv2d(x))  # type: ignore[no-any-return]


class _Head(nn.Module):
    def __init__(self, bins: int) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(bins, _WIDTH, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2d(x))


class _LongShortTermMemory(nn.Module):
    """A convolutional LSTM (Shi et al., NeurIPS 2015) without peepholes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.Gates = nn.Conv2d(2 * width, 4 * width, 3, padding=1)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        gates = self.Gates(torch.cat([x, hidden], dim=1))
        write, keep, show, proposed = gates.chunk(4, dim=1)
        cell = keep.sigmoid() * cell + write.sigmoid() * proposed.tanh()
        return show.sigmoid() * cell.tanh(), cell


class _Encoder(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _Convolution(inputs, outputs, 5, stride=2)
        self.recurrent_block = _LongShortTermMemory(outputs)

    def forward(self, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        return self.recurrent_block(torch.relu(self.conv(x)), hidden, cell)  # type: ignore[no-any-return]


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(x + self.bn2(self.conv2(inner)))


class _Decoder(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        # Exactly twice the side.
        self.transposed_conv2d = nn.ConvTranspose2d(
            inputs, outputs, 5, stride=2, padding=2, output_padding=1, bias=False
        )
        self.norm_layer = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.norm_layer(self.transposed_conv2d(x)))


class _Layers(nn.Module):
    def __init__(self, bins: int) -> None:
        super().__init__()
        widths = [_WIDTH << k for k in range(_ENCODERS + 1)]
        sides = list(pairwise(widths))
        self.head = _Head(bins)
        self.encoders = nn.ModuleList(_Encoder(fine, coarse) for fine, coarse in sides)
        self.resblocks = nn.ModuleList(_Residual(widths[-1]) for _ in range(2))
        self.decoders = nn.ModuleList(_Decoder(coarse, fine) for fine, coarse in reversed(sides))
        self.pred = _Convolution(_WIDTH, 1, 1)

    def forward(self, x: Tensor, states: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        head = x = self.head(x)
        seen: list[Tensor] = []
        after: list[Tensor] = []
        for encoder, hidden, cell in zip(self.encoders, states[::2], states[1::2], strict=True):
            x, kept = encoder(x, hidden, cell)
            seen.append(x)
            after += [x, kept]
        for block in self.resblocks:
            x = block(x)
        for decoder, skipped in zip(self.decoders, reversed(seen), strict=True):
            x = decoder(x + skipped)
        return self.pred(x + head).sigmoid(), tuple(after)


class E2VID(nn.Module):
    """The published lightweight model, ``E2VIDRecurrent``."""

    #: Temporal bins of its input.
    BINS = 5

    def __init__(self) -> None:
        super().__init__()
        self.unetrecurrent = _Layers(self.BINS)

    def forward(
        self, bins: Tensor, states: tuple[Tensor, ...] | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The picture ``[N, 1, H, W]``, 0 to 1, after the normalised ``bins``.

        ``bins`` ``[N, 5, H, W]``, see :func:`models.networks.voxels.normalised`, with sides of at
        least 4: they are reflected at their borders until they are multiples of 8. ``states``, of
        the bins before, come back for the next ones: of each encoder what it put out and the
        LSTM's cell.
        """
        above, below = _borders(bins.shape[2])
        left, right = _borders(bins.shape[3])
        x = functional.pad(bins, (left, right, above, below), mode="reflect")
        if states is None:
            states = _nothing(x)
        picture, states = self.unetrecurrent(x, states)
        return picture[..., above : above + bins.shape[2], left : left + bins.shape[3]], states


def _borders(side: int) -> tuple[int, int]:
    """What a side lacks to a multiple of 8, before and behind it; the odd one goes before."""
    lacking = -side % (1 << _ENCODERS)
    return lacking - lacking // 2, lacking // 2


def _nothing(x: Tensor) -> tuple[Tensor, ...]:
    """The states before the first window ``x`` ``[N, 5, H, W]``."""
    return tuple(
        x.new_zeros(len(x), _WIDTH << k, x.shape[2] >> k, x.shape[3] >> k)
        for k in range(1, _ENCODERS + 1)
        for _ in ("hidden", "cell")
    )
