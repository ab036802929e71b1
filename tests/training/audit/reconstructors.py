"""Networks that draw pictures, with made-up weights: any weights make some picture."""

from typing import Literal

import torch
from torch import Tensor

from models.networks.e2vid import E2VID
from models.networks.firenet import FireNet
from tests.models.networks import e2vid_weights
from training.audit.reconstructor import Reconstructor


def firenet_weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    network = FireNet()
    with torch.no_grad():
        network.net.pred.conv2d.weight *= 8
        network.net.pred.conv2d.bias.fill_(0.5)
    return network.state_dict()


def made_up(name: Literal["FireNet", "E2VID"]) -> Reconstructor:
    """One that was loaded from a file."""
    network: FireNet | E2VID
    if name == "FireNet":
        network = FireNet()
        network.load_state_dict(firenet_weights())
    else:
        network = E2VID()
        network.load_state_dict(e2vid_weights.made_up())
    return Reconstructor(network.eval(), "0" * 64)
