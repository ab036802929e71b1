"""The MLP-mixer, through the doors of the other backbones."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.errors import ModelError
from models.networks.backbone import backbone
from models.networks.build import build
from models.networks.mixer import Mixer
from models.networks.reid import ReidNetwork
from models.networks.resnet import Backbone, load_imagenet
from models.networks.target import TargetNetwork


def multiplications(network: nn.Module, windows: torch.Tensor) -> int:
    """Of all linear layers and convolutions, for one window."""
    total = 0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Linear):
            total += output.numel() * module.in_features
        elif isinstance(module, nn.Conv2d):
            total += output.numel() * module.weight[0].numel()

    for module in network.modules():
        module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(windows)
    return total


def test_it_is_one_of_the_backbones() -> None:
    assert isinstance(backbone("mixer", 10), Mixer)
    assert isinstance(backbone("small", 10), Backbone)
    with pytest.raises(ModelError, match="arch: is not one of"):
        backbone("other", 10)  # type: ignore[arg-type]


def test_its_work_is_as_said() -> None:
    work = multiplications(Mixer(10), torch.zeros(1, 10, 128, 128))
    assert 20e6 < work < 35e6


@pytest.mark.parametrize("size", [(128, 128), (32, 32), (40, 200)])
@torch.no_grad()
def test_windows_of_any_size(size: tuple[int, int]) -> None:
    windows = torch.poisson(torch.full((3, 10, *size), 0.3))
    embedding, logits = ReidNetwork("mixer", 10, 7).eval()(windows)
    assert (embedding.shape, logits.shape) == ((3, 256), (3, 7))
    assert TargetNetwork("mixer", 10, 5).eval()(windows).shape == (3, 5)


@torch.no_grad()
def test_where_something_is_matters() -> None:
    network = Mixer(4).eval()
    windows = torch.zeros(2, 4, 128, 128)
    windows[0, :, :20, :20] = 5
    windows[1, :, 80:100, 80:100] = 5
    one, other = network(windows)
    assert not torch.allclose(one, other, atol=1e-3)


@torch.no_grad()
def test_it_is_built_again_from_a_checkpoint() -> None:
    network = ReidNetwork("mixer", 4, 3).eval()
    again = build("reid", network.config, network.state_dict())
    windows = torch.randn(2, 4, 64, 64)
    torch.testing.assert_close(network(windows), again(windows))


def test_weights_of_residual_networks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="is for residual networks"):
        load_imagenet(Mixer(4), tmp_path / "resnet50.pth")


def test_every_weight_learns() -> None:
    torch.manual_seed(0)
    network = Mixer(4)
    network(torch.randn(4, 4, 128, 128)).square().sum().backward()
    for name, weights in network.named_parameters():
        assert weights.grad is not None and bool(weights.grad.any()), name


def test_it_learns_where_something_is() -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)

    def drawn(count: int) -> tuple[Tensor, Tensor]:
        """A spot somewhere in one of the quarters, and in which."""
        quarter = torch.randint(4, (count,), generator=generator)
        windows = torch.poisson(torch.full((count, 4, 32, 32), 0.1), generator)
        for window, where in zip(windows, quarter.tolist(), strict=True):
            y, x = torch.randint(8, (2,), generator=generator).tolist()
            y, x = y + where // 2 * 16, x + where % 2 * 16
            window[:, y : y + 8, x : x + 8] += 3
        return windows, quarter

    network = TargetNetwork("mixer", 4, 4)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    for _ in range(30):
        windows, quarter = drawn(16)
        optimizer.zero_grad()
        functional.cross_entropy(network(windows), quarter).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    windows, quarter = drawn(100)
    with torch.no_grad():
        right = (network.eval()(windows).argmax(1) == quarter).float().mean()
    assert right > 0.8
