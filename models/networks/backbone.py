"""The part of a recogniser that looks at windows, by its name."""

from models.networks.mixer import Mixer
from models.networks.resnet import Arch, Backbone


def backbone(arch: Arch, channels: int) -> Backbone | Mixer:
    """The network of that name: float32 ``[N, channels, H, W]`` to ``[N, features]``.

    Raises :class:`ModelError` for an architecture that there is not.
    """
    return Mixer(channels) if arch == "mixer" else Backbone(arch, channels)
