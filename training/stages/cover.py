"""What lies over the windows that a recogniser sees: nothing, Gaussian noise, or a network."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.networks.anonymizer import AnonymizerNetwork


class Cover(nn.Module, ABC):
    """Turns raw counts ``[N, 2T, H, W]`` into what leaves the camera, with fresh noise each call.

    Nothing of it learns. ``generator`` makes a call repeatable; without one the noise comes
    from torch's global generator.
    """

    #: Its name in tables and folders.
    name: str
    #: What tells it from others of its name, as plain values.
    settings: dict[str, Any]

    @abstractmethod
    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The covered windows, of the same shape."""


class Raw(Cover):
    """Nothing: the raw windows."""

    name = "raw"

    def __init__(self) -> None:
        super().__init__()
        self.settings = {}

    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``y = x``."""
        return windows


class Gaussian(Cover):
    """Noise of one standard deviation, in counts: the baseline (paper, Sec. 5.3)."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std
        self.name = f"gaussian-{std:g}"
        self.settings = {"std": std}

    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``y = x + std * z``."""
        return windows + self.std * standard_normal(windows, generator)


class Learned(Cover):
    """An anonymizer as it is (paper, Sec. 4.4): no gradient passes it."""

    def __init__(self, anonymizer: nn.Module, name: str = "anonynoise") -> None:
        super().__init__()
        self.anonymizer = anonymizer
        self.name = name
        self.settings = {"anonymizer": _digest(anonymizer)}

    @torch.no_grad()
    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``y = A(x, z)``."""
        return covered(self.anonymizer, windows, standard_normal(windows, generator))


def covered(anonymizer: nn.Module, windows: Tensor, noise: Tensor) -> Tensor:
    """``y = A(x, z)`` in float32, also where training runs in lower precision.

    So it is deployed.
    """
    with torch.autocast(windows.device.type, enabled=False):
        return anonymizer(windows, noise)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Draw:
    """One draw of an anonymizer, and what is behind it; all ``[N, 2T, H, W]``."""

    #: What is published.
    single: Tensor
    #: The mean of many such draws: noise smaller by the root of how many.
    mean: Tensor
    #: What no averaging takes away, in units of the noise's standard deviation; None if that
    #: is not the same everywhere.
    signal: Tensor | None


def draw(anonymizer: AnonymizerNetwork, windows: Tensor, noise: Tensor, count: float = 1) -> Draw:
    """``y = A(x, z)`` in float32 and the mean of ``count`` such draws, by the same ``noise``.

    An anonymizer that sees its noise has no such mean in closed form: there it is ``y``.
    """
    with torch.autocast(windows.device.type, enabled=False):
        signal, scale = anonymizer.parts(windows, noise)
        single = signal + scale * noise
        even = isinstance(scale, float) and scale > 0
        return Draw(
            single=single,
            mean=single
            if count == 1 or anonymizer.config.input != "events"
            else signal + scale * (noise / count**0.5),
            signal=signal / scale if even else None,
        )


def standard_normal(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Independent standard normal numbers, float32 in the shape of ``like``."""
    return torch.randn(like.shape, generator=generator, device=like.device)


def _digest(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in network.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
