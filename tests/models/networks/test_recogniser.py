"""What the networks that look at windows have in common."""

import pytest
import torch

from models.networks.recogniser import RecogniserNetwork
from models.networks.reid import ReidNetwork
from models.networks.target import TargetNetwork


@pytest.mark.parametrize(
    "network",
    [TargetNetwork("small", 4, 5, tiles=True), ReidNetwork("mixer", 4, 5)],
    ids=["target", "reid"],
)
@torch.no_grad()
def test_a_network_that_tells_others_apart_sees_what_it_saw(network: RecogniserNetwork) -> None:
    network.eval()
    other = network.with_logits(9)
    assert type(other) is type(network)
    assert other.config == network.config | {network.logits_are: 9}
    assert not other.training
    windows = torch.rand(3, 4, 32, 32)
    torch.testing.assert_close(other.embedded(windows), network.embedded(windows))
    assert other.classifier(other.embedded(windows)).shape == (3, 9)
    assert other.with_logits(9) is other
