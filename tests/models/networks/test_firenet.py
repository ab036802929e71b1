"""FireNet."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.networks.firenet import FireNet, normalised
from tests.shared_data import shared


def bins(windows: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.poisson(torch.full((windows, 5, 16, 20), 0.2), generator) - torch.poisson(
        torch.full((windows, 5, 16, 20), 0.1), generator
    )


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


@given(st.integers(0, 200), st.floats(0.1, 100))
def test_normalised_cells_have_mean_0_and_deviation_1_and_quiet_ones_stay_0(
    seed: int, scale: float
) -> None:
    windows = bins(3, seed)
    found = normalised(scale * windows)
    assert (found[windows == 0] == 0).all()
    for window, result in zip(windows, found, strict=True):
        seen = result[window != 0]
        assert abs(float(seen.mean())) < 1e-4
        assert abs(float(seen.std(correction=0)) - 1) < 1e-3


def test_windows_without_a_difference_stay_finite() -> None:
    same = torch.zeros(2, 5, 8, 8)
    same[1, :, 2] = 3
    assert (normalised(same) == 0).all()
