"""E2VID's published names and shapes, and made-up weights for them."""

import numpy as np
import torch
from torch import Tensor

#: Of the ``state_dict`` that the published code (uzh-rpg/rpg_e2vid) makes with the settings of
#: E2VID_lightweight.pth.tar, batch normalisations aside.
_CONVOLUTIONS: dict[str, tuple[int, ...]] = {
    "head.conv2d.weight": (32, 5, 5, 5),
    "head.conv2d.bias": (32,),
    "encoders.0.conv.conv2d.weight": (64, 32, 5, 5),
    "encoders.0.recurrent_block.Gates.weight": (256, 128, 3, 3),
    "encoders.0.recurrent_block.Gates.bias": (256,),
    "encoders.1.conv.conv2d.weight": (128, 64, 5, 5),
    "encoders.1.recurrent_block.Gates.weight": (512, 256, 3, 3),
    "encoders.1.recurrent_block.Gates.bias": (512,),
    "encoders.2.conv.conv2d.weight": (256, 128, 5, 5),
    "encoders.2.recurrent_block.Gates.weight": (1024, 512, 3, 3),
    "encoders.2.recurrent_block.Gates.bias": (1024,),
    "resblocks.0.conv1.weight": (256, 256, 3, 3),
    "resblocks.0.conv2.weight": (256, 256, 3, 3),
    "resblocks.1.conv1.weight": (256, 256, 3, 3),
    "resblocks.1.conv2.weight": (256, 256, 3, 3),
    "decoders.0.transposed_conv2d.weight": (256, 128, 5, 5),
    "decoders.1.transposed_conv2d.weight": (128, 64, 5, 5),
    "decoders.2.transposed_conv2d.weight": (64, 32, 5, 5),
    "pred.conv2d.weight": (1, 32, 1, 1),
}
#: The batch normalisations, each with a weight, a bias and statistics, and their channels.
_NORMALISATIONS = {
    "encoders.0.conv.norm_layer": 64,
    "encoders.1.conv.norm_layer": 128,
    "encoders.2.conv.norm_layer": 256,
    "resblocks.0.bn1": 256,
    "resblocks.0.bn2": 256,
    "resblocks.1.bn1": 256,
    "resblocks.1.bn2": 256,
    "decoders.0.norm_layer": 128,
    "decoders.1.norm_layer": 64,
    "decoders.2.norm_layer": 32,
    "pred.norm_layer": 1,
}


def published_shapes() -> dict[str, tuple[int, ...]]:
    """All 74 names and shapes."""
    found = dict(_CONVOLUTIONS)
    for name, channels in _NORMALISATIONS.items():
        for of in ("weight", "bias", "running_mean", "running_var"):
            found[f"{name}.{of}"] = (channels,)
        found[f"{name}.num_batches_tracked"] = ()
    return {f"unetrecurrent.{name}": shape for name, shape in found.items()}


def scattered(shape: tuple[int, ...], salt: int) -> Tensor:
    """Numbers from -1 to 1 that look random and are the same wherever this runs."""
    places = torch.arange(int(np.prod(shape)), dtype=torch.float64)
    return (2 * (43758.5453 * (12.9898 * places + 78.233 * salt).sin()).frac().abs() - 1).reshape(
        shape
    )


def made_up() -> dict[str, Tensor]:
    """A ``state_dict`` of such numbers, in which every part of the network has a say."""
    state: dict[str, Tensor] = {}
    for salt, (name, shape) in enumerate(sorted(published_shapes().items())):
        values = scattered(shape, salt)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1)
        elif len(shape) > 1:
            state[name] = (values * 4 / np.prod(shape[1:]) ** 0.5).float()
        elif name.endswith(("bias", "running_mean")):
            state[name] = (values / 2).float()
        else:
            state[name] = (1 + values / 2).float()
    return state
