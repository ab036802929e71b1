"""FireNet."""

import torch

from models.networks.firenet import FireNet
from models.networks.voxels import normalised
from tests.models.networks.grids import bins
from tests.shared_data import shared


def test_it_holds_the_published_weights_and_makes_pictures_of_them() -> None:
    document = torch.load(shared("weights/firenet.state_dict.pt"), weights_only=True)
    network = FireNet().eval()
    network.load_state_dict(document["state_dict"])
    assert sum(weight.numel() for weight in network.parameters()) == 37_777
    with torch.no_grad():
        picture, _ = network(normalised(bins(2)))
    assert picture.shape == (2, 1, 16, 20)
    # Grey values of pictures, not of something else.
    assert 0.2 < float(picture.mean()) < 0.8 and float(picture.std()) < 0.3


@torch.no_grad()
def test_it_remembers_the_windows_before_and_no_others() -> None:
    torch.manual_seed(0)
    network = FireNet().eval()
    windows = bins(2)
    first, states = network(windows)
    again, _ = network(windows)
    later, _ = network(windows, states)
    assert torch.equal(first, again) and not torch.allclose(first, later, atol=1e-4)
    alone, own = network(windows[1:])
    torch.testing.assert_close(alone, first[1:])
    torch.testing.assert_close(network(windows[1:], own)[0], later[1:])


@torch.no_grad()
def test_a_closed_gate_keeps_the_memory_as_it_was() -> None:
    torch.manual_seed(0)
    network = FireNet().eval()
    _, states = network(bins(1))
    network.net.head.recurrent_block.update_gate.bias.fill_(-100)
    _, later = network(bins(1, seed=1), states)
    torch.testing.assert_close(later[0], states[0])
    assert not torch.allclose(later[1], states[1], atol=1e-3)
