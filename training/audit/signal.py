"""What a model says where its noise is silent, as whoever has its file can work out."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from training.audit.deployed import Deployed
from training.audit.onnx_torch import as_torch
from training.errors import TrainingError
from training.stages.cover import Cover, Gaussian, Learned, Raw

#: Counts and standard normals to published values, all ``[N, 2T, H, W]``, with gradients.
Model = Callable[[Tensor, Tensor], Tensor]


def known(cover: Cover, shape: tuple[int, ...]) -> Model:
    """The model of ``cover`` as whoever has its file runs it, tried on windows of ``shape``.

    Raises :class:`TrainingError` where that is not possible.
    """
    if isinstance(cover, Deployed):
        return _deployed(cover, shape)
    if isinstance(cover, Raw):
        return lambda windows, noise: windows
    if isinstance(cover, Gaussian):
        std = cover.std
        return lambda windows, noise: windows + std * noise
    if isinstance(cover, Learned):
        return cover.anonymizer
    raise TrainingError("is no cover whose weights are known", source=cover.name)


def _deployed(cover: Deployed, shape: tuple[int, ...]) -> Model:
    manifest = cover.anonymizer.manifest
    count, channels, height, width = shape
    tall, wide = manifest.representation.padded(height, width)
    graph = as_torch(cover.anonymizer.model, (count, channels, tall, wide))

    def model(windows: Tensor, noise: Tensor) -> Tensor:
        edge = (0, wide - width, 0, tall - height)
        output = graph(
            events=functional.pad(windows, edge),
            noise=functional.pad(noise * manifest.noise.scale, edge),
        )
        return output[:, :, :height, :width]

    return model


class Signal(Cover):
    """``A(x, 0)``: what ``model`` makes of windows where its noise is at its mean."""

    def __init__(self, cover: Cover, model: Model) -> None:
        super().__init__()
        self.model = model
        self.name = f"{cover.name}-signal"
        self.settings = {**cover.settings, "noise": 0}

    @torch.no_grad()
    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The signal without noise."""
        return self.model(windows, torch.zeros_like(windows))
