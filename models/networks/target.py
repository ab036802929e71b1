"""The target network: the task that anonymization must leave possible (AnonyNoise, Sec. 4.2)."""

from torch import Tensor

from models.networks.recogniser import RecogniserNetwork
from models.networks.resnet import Arch


class TargetNetwork(RecogniserNetwork):
    """Which gesture, or which emotion, a window shows."""

    logits_are = "classes"

    def __init__(
        self, arch: Arch, channels: int, classes: int, dropout: float = 0.1, tiles: bool = False
    ) -> None:
        super().__init__(arch, channels, classes, dropout, tiles)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of windows ``[N, 2T, H, W]``, unscaled counts."""
        return self.classifier(self.embedded(x))  # type: ignore[no-any-return]
