"""Where an attacker puts windows or pictures that no cover makes on the fly."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.config import Config
from training.device import device
from training.evaluate import at_once


@torch.no_grad()
def points(network: nn.Module, pictures: Tensor, config: Config) -> NDArray[np.float32]:
    """The embedding ``[N, E]`` that the re-identification ``network`` has of ``pictures``.

    ``pictures`` ``[N, C, H, W]`` as the network was trained to see them.
    """
    place = device(config.compute)
    network.to(place).eval()
    parts = torch.split(pictures.float(), at_once(config))
    return torch.cat([network(part.to(place))[0].float().cpu() for part in parts]).numpy()
