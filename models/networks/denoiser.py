"""The denoiser of the inversion attack (AnonyNoise, Sec. 5.6 and appendix C)."""

from typing import Any

from torch import Tensor, nn

from models.errors import ModelError


class Denoiser(nn.Module):
    """``depth`` 3x3 convolutions, all but the last with batch normalisation and ReLU.

    Raises :class:`ModelError` for fewer than two.
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
        self.body = nn.Sequential(*layers, nn.Conv2d(width, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """The estimated raw counts ``[N, 2T, H, W]`` of anonymized windows of that shape."""
        return self.body(x)  # type: ignore[no-any-return]
