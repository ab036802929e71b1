"""A network that draws grey pictures of windows, with its published weights.

The file tells which: FireNet's ``state_dict``, or E2VID's ``E2VID_lightweight.pth.tar``. Both
networks are fed the same way by those who published them, and their pictures are stretched the same
way. Two things that the published inference does to pictures for the eye are left out: it sharpens
them, and smooths the limits of the stretching over the last ten. A third cannot be had: it shares
each event between two temporal bins by its time, of which published windows keep the bin alone.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models.networks.e2vid import E2VID
from models.networks.firenet import FireNet
from models.networks.voxels import normalised, voxels
from training.checkpoint import unpacked
from training.errors import TrainingError

#: Published inference stretches a picture's own darkest and brightest values to black and white,
#: but takes no less than this much of the scale for the whole.
_DARKEST_WHITE, _BRIGHTEST_BLACK = 0.55, 0.45


@dataclass(frozen=True)
class Reconstructor:
    """A network in eval mode and the hash of the file that its weights are from."""

    network: FireNet | E2VID
    weights_sha256: str

    @property
    def name(self) -> str:
        """``FireNet`` or ``E2VID``."""
        return type(self.network).__name__

    def to(self, place: torch.device) -> None:
        """Draw there from now on."""
        self.network.to(place)

    @torch.no_grad()
    def draw(
        self, windows: Tensor, states: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Pictures ``[N, 1, H, W]`` from 0 to 1 of ``windows`` ``[N, 2T, H, W]``, of any scale.

        ``states``, of the windows before, come back for the next ones; None before the first. The
        first axis of each is that of the windows.
        """
        picture, states = self.network(normalised(voxels(windows, self.network.BINS)), states)
        return stretched(picture), states


def load_reconstructor(path: Path) -> Reconstructor:
    """The network whose weights the file ``path`` holds, alone or under ``state_dict``.

    What else a published file holds only repeats what names and shapes of its weights say. Raises
    :class:`TrainingError` for a file that holds none or others.
    """
    document = unpacked(path)
    state = document.get("state_dict", document) if isinstance(document, dict) else {}
    kinds: tuple[type[FireNet | E2VID], ...] = (FireNet, E2VID)
    for kind in kinds:
        network = kind()
        try:
            network.load_state_dict(state)
        except (RuntimeError, TypeError, AttributeError):
            continue
        # Somewhat faster on two CPU cores; changes no value's meaning.
        network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return Reconstructor(network, hashlib.sha256(path.read_bytes()).hexdigest())
    raise TrainingError("does not hold the weights of FireNet or E2VID", source=str(path))


def stretched(pictures: Tensor) -> Tensor:
    """``pictures`` ``[N, 1, H, W]`` with each one's contrast at its full, from 0 to 1."""
    dark = pictures.amin(dim=(1, 2, 3), keepdim=True).clamp(0, _BRIGHTEST_BLACK)
    bright = pictures.amax(dim=(1, 2, 3), keepdim=True).clamp(_DARKEST_WHITE, 1)
    return ((pictures - dark) / (bright - dark)).clamp(0, 1)
