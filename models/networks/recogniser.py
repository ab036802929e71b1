"""What the networks that look at windows have in common."""

from typing import Any, Self

import torch
from torch import Tensor, nn

from models.networks.backbone import backbone
from models.networks.embedding import EMBEDDING, embedding_block
from models.networks.resnet import Arch
from models.networks.tiles import TileMeans

#: The weights that meet the features.
_FIRST = "embedding.0.weight"


class RecogniserNetwork(nn.Module):
    """A backbone, an embedding block and a classifier.

    With ``tiles`` it sees the mean tile of a window, too, which the convolutions of a backbone
    would have to learn to add up.
    """

    #: The constructor's arguments, as a checkpoint stores them.
    config: dict[str, Any]

    def __init__(
        self, arch: Arch, channels: int, outputs: int, dropout: float, tiles: bool
    ) -> None:
        super().__init__()
        self.backbone = backbone(arch, channels)
        self.tiles = TileMeans(channels) if tiles else None
        features = self.backbone.features + (self.tiles.features if self.tiles else 0)
        self.embedding = embedding_block(features, dropout)
        self.classifier = nn.Linear(EMBEDDING, outputs)

    def embedded(self, x: Tensor) -> Tensor:
        """Embedding ``[N, 256]`` of windows ``[N, 2T, H, W]``, unscaled counts."""
        seen = self.backbone(x)
        if self.tiles is not None:
            seen = torch.cat([seen, self.tiles(x)], dim=1)
        return self.embedding(seen)  # type: ignore[no-any-return]

    def with_tiles(self) -> Self:
        """The same network, which begins to see the mean tile and makes nothing of it yet."""
        if self.tiles is not None:
            return self
        wide = type(self)(**self.config | {"tiles": True}).train(self.training)
        fresh, known = wide.state_dict(), self.state_dict()
        first = torch.zeros_like(fresh[_FIRST])
        first[:, : self.backbone.features] = known[_FIRST]
        wide.load_state_dict(fresh | known | {_FIRST: first})
        return wide
