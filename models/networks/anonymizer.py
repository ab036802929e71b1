"""The anonymization network of AnonyNoise (WACV 2025), Sec. 4.2 and Table 3."""

from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from models.errors import ModelError
from models.networks.config import NetworkConfig
from models.networks.designs import CheapBody, CodesBody, SummaryBody, paper_body


class AnonymizerConfig(NetworkConfig):
    """Which anonymizer: every variant of the published ablation, in four designs."""

    #: 2T, the channels of a window.
    channels: int = Field(default=10, ge=2, le=128)
    design: Literal["paper", "cheap", "summary", "codes"] = "paper"
    #: Patterns of the design codes; in a training's settings None stands for one a label.
    codes: int | None = Field(default=None, ge=2, le=4096)
    #: What the network sees.
    input: Literal["events", "events,noise"] = "events,noise"
    #: What is made of its output A: ``replace`` y = A, ``add`` y = x + A, ``scale``
    #: y = x + A z, ``mean,scale`` y = x + A_1 + A_2 z, all published, and ``bounded``
    #: y = min_sigma (B + z), where B is A shortened to ``energy``.
    output: Literal["replace", "add", "scale", "mean,scale", "bounded"] = "scale"
    #: Channels inside the cheap design.
    width: int = Field(default=48, ge=4, le=512)
    #: Standard deviation of z: the network is given standard normals and multiplies them.
    noise_scale: float = Field(default=1.0, gt=0, le=4096)
    #: What A is multiplied by. Counts reach into the hundreds while a small learning rate
    #: keeps the last layer's weights below one.
    gain: float = Field(default=1.0, gt=0, le=4096)
    #: 0: sigma = A, as published. Else sigma = min_sigma + softplus(A): every cell changes by
    #: min_sigma |z| at least, in a direction that only the noise decides, whatever was learned.
    min_sigma: float = Field(default=0.0, ge=0, le=4096)
    #: Of ``bounded``: the most that the squares of B sum to over a window, in units of the
    #: noise's variance. Whatever the input, a window then tells at most ``energy / 2`` nats of
    #: it (the capacity of a Gaussian channel), and is ``2 energy``-zCDP towards any other input
    #: (Bun and Steinke, 2016, Prop. 1.6). Both add up over windows.
    energy: float | None = Field(default=None, gt=0, le=1e9)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.codes is not None and self.design != "codes":
            raise ValueError("codes goes with the design codes")
        if (self.output == "bounded") != (self.energy is not None):
            raise ValueError("energy goes with the output bounded, and it with energy")
        if self.output == "bounded" and not (
            self.min_sigma > 0 and self.input == "events" and self.noise_scale == 1
        ):
            # A signal that knows the noise could take it away again.
            raise ValueError(
                "bounded needs min_sigma above 0, the input events and a noise_scale of 1"
            )
        return self


class AnonymizerNetwork(nn.Module):
    """``y = x + sigma(x, z) z`` and its variants, for any height and width.

    The cheap design sees ``log(1 + x)`` of the counts, in which a hot pixel of 65535 is 11, the
    others counts as they are. All are finite for every uint16 count.
    """

    def __init__(self, config: AnonymizerConfig) -> None:
        super().__init__()
        self.config = config
        #: Times ``energy``, while training begins with a looser bound; 1 is the model's own.
        self.slack = 1.0
        inputs = config.channels * (2 if config.input == "events,noise" else 1)
        outputs = config.channels * (2 if config.output == "mean,scale" else 1)
        self.body = _body(config, inputs, outputs)
        # Trains the cheap design twice as fast on CPUs; changes no value's meaning.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, events: Tensor, noise: Tensor) -> Tensor:
        """Anonymized ``[N, 2T, H, W]``, in counts.

        ``events`` are counts and ``noise`` independent standard normals, both of that shape.
        """
        signal, scale = self.parts(events, noise)
        return signal + scale * noise

    def parts(self, events: Tensor, noise: Tensor) -> tuple[Tensor, Tensor | float]:
        """Signal and scale: an anonymized window is ``signal + scale * noise``.

        Neither knows the noise, unless ``input`` says that the network sees it.
        """
        config = self.config
        seen = torch.log1p(events) if config.design == "cheap" else events
        if config.input == "events,noise":
            seen = torch.cat([seen, noise * config.noise_scale], dim=1)
        output: Tensor = self.body(seen) * config.gain
        if config.output == "replace":
            return output, 0.0
        if config.output == "add":
            return events + output, 0.0
        if config.output == "scale":
            return events, self._sigma(output) * config.noise_scale
        if config.output == "bounded":
            return config.min_sigma * self._shortened(output), config.min_sigma
        mean, scale = output.chunk(2, dim=1)
        return events + mean, self._sigma(scale) * config.noise_scale

    def _sigma(self, output: Tensor) -> Tensor:
        floor = self.config.min_sigma
        return floor + functional.softplus(output) if floor else output

    def _shortened(self, signal: Tensor) -> Tensor:
        """``signal`` with each window's sum of squares brought down to the bound."""
        assert self.config.energy is not None
        energy = signal.float().square().sum(dim=(1, 2, 3), keepdim=True)
        # The 1 keeps the root's slope finite; it only tightens the bound.
        return signal * (self.config.energy * self.slack / (energy + 1)).sqrt().clamp(max=1)


def _body(config: AnonymizerConfig, inputs: int, outputs: int) -> nn.Module:
    if config.design == "paper":
        return paper_body(inputs, outputs)
    if config.design == "summary":
        return SummaryBody(inputs, outputs)
    if config.design == "codes":
        if config.codes is None:
            raise ModelError("is not given", field="codes")
        return CodesBody(inputs, outputs, config.codes)
    return CheapBody(inputs, outputs, config.width)
