"""Residual networks whose ``state_dict`` names equal torchvision's.

So torchvision's published ImageNet weights load from a file, without torchvision.
Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; the stride of a
bottleneck lies in its 3x3 convolution, as in torchvision.
"""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from models.errors import ModelError
from models.networks.input_norm import convolved

#: Of all backbones; ``mixer`` is not one of those below.
Arch = Literal["resnet50", "small", "mixer"]

_COLOURS = 3

#: Block, blocks a layer, width of the first layer (each next one has twice the width), and the
#: stride of the first convolution, which a pooling follows up to a quarter of the resolution.
_ARCHITECTURES: dict[str, tuple[type["_BasicBlock | _Bottleneck"], tuple[int, ...], int, int]]


class _BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _downsample(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))  # type: ignore[no-any-return]


class _Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(inputs, width * self.expansion, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))  # type: ignore[no-any-return]


def _downsample(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


_ARCHITECTURES = {
    "resnet50": (_Bottleneck, (3, 4, 6, 3), 64, 2),
    # Twice as fast to train as with a stride of 2.
    "small": (_BasicBlock, (1, 1, 1, 1), 16, 4),
}


class Backbone(nn.Module):
    """A ResNet without its classifier: float32 ``[N, channels, H, W]`` to ``[N, features]``.

    ``input_norm``, a batch normalisation, comes before torchvision's layers: raw counts and
    counts under noise of a standard deviation of 256 reach the first convolution at one scale.
    ``small`` has about 24 MMAC at 128x128 with 10 channels, ``resnet50`` about 1.5 GMAC.
    Raises :class:`ModelError` for an architecture that there is not.
    """

    def __init__(self, arch: Arch, channels: int) -> None:
        super().__init__()
        if arch not in _ARCHITECTURES:
            raise ModelError(f"is not one of {', '.join(_ARCHITECTURES)}", field="arch")
        block, blocks, width, stride = _ARCHITECTURES[arch]
        self.input_norm = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, width, 7, stride, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if stride == 2 else nn.Identity()
        inputs = width
        for index, count in enumerate(blocks):
            layer = []
            for position in range(count):
                halves = index > 0 and position == 0
                layer.append(block(inputs, width << index, 2 if halves else 1))
                inputs = (width << index) * block.expansion
            setattr(self, f"layer{index + 1}", nn.Sequential(*layer))
        #: Length of a feature vector.
        self.features = inputs
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        # A quarter faster on CPUs; changes no value's meaning.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Feature vectors ``[N, features]``, averaged over the picture."""
        x = self.maxpool(self.relu(self.bn1(convolved(self.input_norm, self.conv1, x))))
        for index in range(1, 5):
            x = getattr(self, f"layer{index}")(x)
        return x.mean(dim=(2, 3))


def load_imagenet(backbone: nn.Module, path: Path) -> None:
    """Fill ``backbone`` from torchvision's published weights in the file ``path``.

    The first convolution's three colours are averaged and repeated over the event channels,
    times ``3 / channels``, so that its output keeps the scale it was trained with. The
    file's classifier is left out. Raises :class:`ModelError` for a file that is no state_dict
    or of another architecture, and for a backbone that is no residual network.
    """
    source = str(path)
    if not isinstance(backbone, Backbone):
        raise ModelError("is for residual networks", source=source)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError(error.strerror or "cannot be read", source=source) from None
    except Exception:
        # torch raises whatever the bytes led to.
        raise ModelError("is no file of weights", source=source) from None
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise ModelError("is no state_dict", source=source)
    state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    own = backbone.state_dict()
    wanted = {name for name in own if not name.startswith("input_norm.")}
    for name in sorted(wanted ^ state.keys()):
        # torchvision's first files were written before batch norm counted its batches.
        if not name.endswith("num_batches_tracked"):
            problem = "is missing" if name in wanted else "is of another architecture"
            raise ModelError(problem, source=source, field=name)
    channels = backbone.conv1.in_channels
    shapes = {name: list(value.shape) for name, value in own.items()}
    shapes["conv1.weight"][1] = _COLOURS
    for name, value in state.items():
        if list(value.shape) != shapes[name]:
            raise ModelError(
                f"is {list(value.shape)}, not {shapes[name]}", source=source, field=name
            )
    first = state["conv1.weight"].mean(dim=1, keepdim=True) * (_COLOURS / channels)
    backbone.load_state_dict(
        state | {"conv1.weight": first.repeat(1, channels, 1, 1)}, strict=False
    )
