"""The variant whose signal is bounded: what a window tells is bounded, whatever it holds."""

import pytest
import torch

from models.errors import ModelError
from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork

ENERGY, SIGMA = 50.0, 4.0
CONFIG = AnonymizerConfig(
    design="cheap",
    width=8,
    input="events",
    output="bounded",
    min_sigma=SIGMA,
    energy=ENERGY,
    gain=1e3,
)


@pytest.fixture
def network() -> AnonymizerNetwork:
    torch.manual_seed(0)
    return AnonymizerNetwork(CONFIG).eval()


@pytest.mark.parametrize("size", [(128, 128), (33, 50)])
@pytest.mark.parametrize("most", [0, 1, 8, 65535])
@torch.no_grad()
def test_the_signal_of_any_window_stays_within_its_energy(
    network: AnonymizerNetwork, size: tuple[int, int], most: int
) -> None:
    events = torch.randint(0, most + 1, (3, 10, *size)).float()
    signal = network(events, torch.zeros_like(events)) / SIGMA
    energy = signal.square().sum(dim=(1, 2, 3))
    assert torch.isfinite(signal).all()
    assert (energy <= ENERGY * (1 + 1e-5)).all()
    if most:
        # The bound is what holds it back here: this gain would take it far beyond.
        assert (energy > 0.9 * ENERGY).all()


@torch.no_grad()
def test_the_noise_is_added_whole_and_does_not_move_the_signal(network: AnonymizerNetwork) -> None:
    events = torch.randint(0, 9, (2, 10, 32, 32)).float()
    noise = torch.randn_like(events)
    difference = network(events, noise) - network(events, torch.zeros_like(noise))
    torch.testing.assert_close(difference, SIGMA * noise, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_batch_shares_no_energy(network: AnonymizerNetwork) -> None:
    events = torch.randint(0, 9, (4, 10, 32, 32)).float()
    noise = torch.zeros_like(events)
    alone = torch.cat([network(e[None], n[None]) for e, n in zip(events, noise, strict=True)])
    torch.testing.assert_close(network(events, noise), alone, rtol=1e-4, atol=1e-5)


def test_the_bound_lets_a_gradient_through_a_signal_of_nothing() -> None:
    network = AnonymizerNetwork(CONFIG)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    events = torch.zeros(1, 10, 16, 16)
    network(events, torch.zeros_like(events)).sum().backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize(
    "wrong",
    [
        {"energy": None},
        {"min_sigma": 0.0},
        {"input": "events,noise"},
        {"noise_scale": 2.0},
        {"output": "scale"},
    ],
)
def test_what_would_break_the_bound_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ModelError):
        AnonymizerConfig.from_dict(CONFIG.to_dict() | wrong)
