"""What the networks that look at windows have in common."""

from typing import Any, ClassVar, Self

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

    #: What its logits are, and what the constructor calls their number.
    logits_are: ClassVar[str]

    def __init__(self, arch: Arch, channels: int, logits: int, dropout: float, tiles: bool) -> None:
        super().__init__()
        #: The constructor's arguments, as a checkpoint stores them.
        self.config: dict[str, Any] = {
            "arch": arch,
            "channels": channels,
            self.logits_are: logits,
            "dropout": dropout,
            "tiles": tiles,
        }
        self.backbone = backbone(arch, channels)
        self.tiles = TileMeans(channels) if tiles else None
        features = self.backbone.features + (self.tiles.features if self.tiles else 0)
        self.embedding = embedding_block(features, dropout)
        self.classifier = nn.Linear(EMBEDDING, logits)

    def embedded(self, x: Tensor) -> Tensor:
        """Embedding ``[N, 256]`` of windows ``[N, 2T, H, W]``, unscaled counts."""
        seen = self.backbone(x)
        if self.tiles is not None:
            seen = torch.cat([seen, self.tiles(x)], dim=1)
        return self.embedding(seen)  # type: ignore[no-any-return]

    def with_logits(self, logits: int) -> Self:
        """The same network; one that told apart another number has a classifier yet to learn."""
        if self.config[self.logits_are] == logits:
            return self
        other = type(self)(**self.config | {self.logits_are: logits}).train(self.training)
        fresh = other.classifier.state_dict(prefix="classifier.")
        other.load_state_dict(self.state_dict() | fresh)
        return other

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
