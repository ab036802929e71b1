"""FireNet: grey pictures from events (Scheerlinck et al., WACV 2020, Sec. 3).

The names of its ``state_dict`` equal those of the published weights (37,777 parameters).
"""

import torch
from torch import Tensor, nn

_WIDTH = 16


class _Convolution(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv2d = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2d(x)  # type: ignore[no-any-return]


class _Head(_Convolution):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(super().forward(x))


class _Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1)
        self.conv2 = nn.Conv2d(_WIDTH, _WIDTH, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.conv2(torch.relu(self.conv1(x))))


class _GatedUnit(nn.Module):
    """A convolutional gated recurrent unit (Ballas et al., ICLR 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.reset_gate = nn.Conv2d(2 * _WIDTH, _WIDTH, 3, padding=1)
        self.update_gate = nn.Conv2d(2 * _WIDTH, _WIDTH, 3, padding=1)
        self.out_gate = nn.Conv2d(2 * _WIDTH, _WIDTH, 3, padding=1)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        both = torch.cat([x, state], dim=1)
        update, reset = self.update_gate(both).sigmoid(), self.reset_gate(both).sigmoid()
        proposed = self.out_gate(torch.cat([x, state * reset], dim=1)).tanh()
        return state * (1 - update) + proposed * update  # type: ignore[no-any-return]


class _Recurrent(nn.Module):
    def __init__(self, conv: nn.Module) -> None:
        super().__init__()
        self.conv = conv
        self.recurrent_block = _GatedUnit()

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        return self.recurrent_block(self.conv(x), state)  # type: ignore[no-any-return]


class _Layers(nn.Module):
    def __init__(self, bins: int) -> None:
        super().__init__()
        self.head = _Recurrent(_Head(bins, _WIDTH, 3))
        self.resblocks = nn.ModuleList([_Recurrent(_Residual()), _Residual()])
        self.pred = _Convolution(_WIDTH, 1, 1)


class FireNet(nn.Module):
    """Convolution, gated unit, residual block, gated unit, residual block, 1x1 convolution."""

    #: Temporal bins of its input.
    BINS = 5

    def __init__(self) -> None:
        super().__init__()
        self.net = _Layers(self.BINS)

    def forward(
        self, bins: Tensor, states: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """The picture ``[N, 1, H, W]``, about 0 to 1, after the normalised ``bins``.

        ``bins`` ``[N, 5, H, W]``, see :func:`models.networks.voxels.normalised`; ``states``, of the
        bins before, come back for the next ones.
        """
        if states is None:
            zeros = bins.new_zeros(len(bins), _WIDTH, *bins.shape[2:])
            states = (zeros, zeros)
        first = self.net.head(bins, states[0])
        second = self.net.resblocks[0](first, states[1])
        return self.net.pred(self.net.resblocks[1](second)), (first, second)
