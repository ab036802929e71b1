"""What a model says where its noise is silent, as whoever has its file can work out."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from models.session import INPUTS, OUTPUT, start
from training.audit.deployed import BATCH, Deployed
from training.audit.onnx_torch import as_torch
from training.errors import TrainingError
from training.stages.cover import Cover, Gaussian, Learned, Raw

#: Counts and standard normals to published values, all ``[N, 2T, H, W]``, with gradients.
Model = Callable[[Tensor, Tensor], Tensor]


def known(cover: Cover, shape: tuple[int, ...]) -> Model:
    """The model of ``cover`` as whoever has its file runs it, tried on windows of ``shape``.

    Raises :class:`TrainingError` where that is not possible.
    """
    return _as_torch(cover, shape) if isinstance(cover, Deployed) else _formula(cover)


def _formula(cover: Cover) -> Model:
    if isinstance(cover, Raw):
        return lambda windows, noise: windows
    if isinstance(cover, Gaussian):
        std = cover.std
        return lambda windows, noise: windows + std * noise
    if isinstance(cover, Learned):
        return cover.anonymizer
    raise TrainingError("is no cover whose weights are known", source=cover.name)


def _as_torch(cover: Deployed, shape: tuple[int, ...]) -> Model:
    count, channels, height, width = shape
    tall, wide = cover.anonymizer.manifest.representation.padded(height, width)
    graph = as_torch(cover.anonymizer.model, (count, channels, tall, wide))
    return _padded(cover, lambda events, noise: graph(events=events, noise=noise))


def _as_deployed(cover: Deployed, threads: int) -> Model:
    """By ONNX Runtime: of any graph, without gradients, and several times as fast as torch."""
    session = start(cover.anonymizer.model, "auto", threads)

    def run(*inputs: Tensor) -> Tensor:
        parts = zip(*(torch.split(value.cpu(), BATCH) for value in inputs), strict=True)
        found = [said(*part) for part in parts]
        return torch.cat(found).to(inputs[0].device)

    def said(*inputs: Tensor) -> Tensor:
        given = {name: value.numpy() for name, value in zip(INPUTS, inputs, strict=True)}
        return torch.from_numpy(session.run([OUTPUT], given)[0])

    return _padded(cover, run)


def _padded(cover: Deployed, graph: Model) -> Model:
    """``graph`` for windows of any size, and noise of standard deviation 1."""
    manifest = cover.anonymizer.manifest

    def model(windows: Tensor, noise: Tensor) -> Tensor:
        height, width = windows.shape[2:]
        tall, wide = manifest.representation.padded(height, width)
        edge = (0, wide - width, 0, tall - height)
        output = graph(
            functional.pad(windows, edge), functional.pad(noise * manifest.noise.scale, edge)
        )
        return output[:, :, :height, :width]

    return model


class Signal(Cover):
    """``A(x, 0)``: what the model of ``cover`` makes of windows where its noise is at its mean.

    ``threads`` bounds the CPU threads of one run. Raises :class:`TrainingError` for a cover whose
    weights are not known.
    """

    def __init__(self, cover: Cover, threads: int) -> None:
        super().__init__()
        self._model = (
            _as_deployed(cover, threads) if isinstance(cover, Deployed) else _formula(cover)
        )
        self.name = f"{cover.name}-signal"
        self.settings = {**cover.settings, "noise": 0}

    @torch.no_grad()
    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The signal without noise, in float32 also where training runs in lower precision."""
        with torch.autocast(windows.device.type, enabled=False):
            return self._model(windows, torch.zeros_like(windows))
