"""The re-identification network: the attacker (AnonyNoise, Sec. 4.2)."""

from torch import Tensor

from models.networks.recogniser import RecogniserNetwork
from models.networks.resnet import Arch


class ReidNetwork(RecogniserNetwork):
    """Who is in a window: an embedding to rank a gallery by, and logits to train it with."""

    logits_are = "identities"

    def __init__(
        self, arch: Arch, channels: int, identities: int, dropout: float = 0.1, tiles: bool = False
    ) -> None:
        super().__init__(arch, channels, identities, dropout, tiles)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding ``[N, 256]`` and logits ``[N, identities]`` of windows ``[N, 2T, H, W]``.

        Windows are counts, raw or anonymized, unscaled.
        """
        embedding = self.embedded(x)
        return embedding, self.classifier(embedding)
