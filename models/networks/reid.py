"""The re-identification network: the attacker (AnonyNoise, Sec. 4.2)."""

from typing import Any

from torch import Tensor, nn

from models.networks.backbone import backbone
from models.networks.embedding import EMBEDDING, embedding_block
from models.networks.resnet import Arch


class ReidNetwork(nn.Module):
    """Who is in a window: an embedding to rank a gallery by, and logits to train it with."""

    def __init__(self, arch: Arch, channels: int, identities: int, dropout: float = 0.1) -> None:
        super().__init__()
        #: The arguments, as a checkpoint stores them.
        self.config: dict[str, Any] = {
            "arch": arch,
            "channels": channels,
            "identities": identities,
            "dropout": dropout,
        }
        self.backbone = backbone(arch, channels)
        self.embedding = embedding_block(self.backbone.features, dropout)
        self.classifier = nn.Linear(EMBEDDING, identities)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding ``[N, 256]`` and logits ``[N, identities]`` of windows ``[N, 2T, H, W]``.

        Windows are counts, raw or anonymized, unscaled.
        """
        embedding = self.embedding(self.backbone(x))
        return embedding, self.classifier(embedding)
