"""Patterns repeated all over a window, and the networks that read them."""

import pytest
import torch

from models.networks.recogniser import RecogniserNetwork
from models.networks.reid import ReidNetwork
from models.networks.target import TargetNetwork
from models.networks.tiles import TILE, TileMeans, repeated


@pytest.mark.parametrize(("height", "width"), [(16, 24), (13, 18), (3, 1)])
def test_a_pattern_is_repeated_up_to_the_edges(height: int, width: int) -> None:
    numbers = torch.rand(2, 3 * TILE**2)
    tiles = numbers.reshape(2, 3, TILE, TILE)
    found = repeated(numbers, torch.zeros(2, 3, height, width))
    for row in range(height):
        for column in range(width):
            expected = tiles[:, :, row % TILE, column % TILE]
            assert torch.equal(found[:, :, row, column], expected)


def test_the_mean_tile_of_a_pattern_is_the_pattern() -> None:
    means = TileMeans(3).eval()
    numbers = torch.rand(2, 3 * TILE**2)
    found = means(repeated(numbers, torch.zeros(2, 3, 64, 32)))
    # Fresh statistics of the normalisation are mean 0 and variance 1.
    torch.testing.assert_close(found, numbers, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(13, 18), (3, 1)])
def test_windows_of_any_size_have_one(height: int, width: int) -> None:
    found = TileMeans(2).eval()(torch.rand(4, 2, height, width))
    assert found.shape == (4, 2 * TILE**2)
    assert found.isfinite().all()


def test_lower_precision_changes_nothing() -> None:
    means = TileMeans(2).eval()
    windows = 4 * torch.randn(4, 2, 128, 128)
    expected = means(windows)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(means(windows), expected, rtol=0, atol=0)


@pytest.mark.parametrize(
    "network", [TargetNetwork("small", 4, 5), ReidNetwork("mixer", 4, 7)], ids=["target", "reid"]
)
@torch.no_grad()
def test_a_network_that_begins_to_see_tiles_says_what_it_said(network: RecogniserNetwork) -> None:
    network.eval()
    wide = network.with_tiles()
    assert type(wide) is type(network)
    assert wide.config == network.config | {"tiles": True}
    assert not wide.training
    windows = torch.rand(3, 4, 32, 32)
    torch.testing.assert_close(wide(windows), network(windows))
    assert wide.with_tiles() is wide


def test_a_network_with_tiles_finds_a_pattern_far_below_the_noise() -> None:
    """And without them does not: what the mean tile is for."""
    generator = torch.Generator().manual_seed(0)
    patterns = torch.randn(3, 2 * TILE**2, generator=generator)
    # The squares of a signal sum to 25 over 32,768 cells of noise.
    patterns *= 5 / 32 / patterns.norm(dim=1, keepdim=True)

    def batch(size: int) -> tuple[torch.Tensor, torch.Tensor]:
        label = torch.randint(3, (size,), generator=generator)
        noise = torch.randn(size, 2, 128, 128, generator=generator)
        return repeated(patterns[label], noise) + noise, label

    def learned(tiles: bool) -> float:
        torch.manual_seed(0)
        network = TargetNetwork("small", 2, 3, tiles=tiles)
        optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
        for _ in range(60):
            windows, label = batch(16)
            loss = torch.nn.functional.cross_entropy(network(windows), label)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        windows, label = batch(100)
        with torch.no_grad():
            right: torch.Tensor = network.eval()(windows).argmax(1) == label
        return float(right.float().mean())

    assert learned(tiles=True) > 0.9
    assert learned(tiles=False) < 0.7
