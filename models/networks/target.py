"""The target network: the task that anonymization must leave possible (AnonyNoise, Sec. 4.2)."""

from typing import Any

from torch import Tensor, nn

from models.networks.backbone import backbone
from models.networks.embedding import EMBEDDING, embedding_block
from models.networks.resnet import Arch


class TargetNetwork(nn.Module):
    """Which gesture, or which emotion, a window shows."""

    def __init__(self, arch: Arch, channels: int, classes: int, dropout: float = 0.1) -> None:
        super().__init__()
        #: The arguments, as a checkpoint stores them.
        self.config: dict[str, Any] = {
            "arch": arch,
            "channels": channels,
            "classes": classes,
            "dropout": dropout,
        }
        self.backbone = backbone(arch, channels)
        self.embedding = embedding_block(self.backbone.features, dropout)
        self.classifier = nn.Linear(EMBEDDING, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[N, classes]`` of windows ``[N, 2T, H, W]``, unscaled counts."""
        return self.classifier(self.embedding(self.backbone(x)))  # type: ignore[no-any-return]
