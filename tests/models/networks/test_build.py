"""Every network, through the door that checkpoints use."""

from typing import Any

import pytest
import torch
from torch import nn

from models.errors import ModelError
from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from models.networks.build import build
from models.networks.denoiser import Denoiser
from models.networks.reid import ReidNetwork
from models.networks.target import TargetNetwork

WINDOWS = torch.poisson(torch.full((3, 4, 24, 20), 0.3), torch.Generator().manual_seed(0))


def networks() -> dict[str, Any]:
    return {
        "reid": ReidNetwork("small", 4, identities=7),
        "target": TargetNetwork("small", 4, classes=5),
        "denoiser": Denoiser(4, depth=3, width=8),
    }


@torch.no_grad()
def test_shapes() -> None:
    made = networks()
    embedding, logits = made["reid"](WINDOWS)
    assert (embedding.shape, logits.shape) == ((3, 256), (3, 7))
    assert made["target"](WINDOWS).shape == (3, 5)
    assert made["denoiser"](WINDOWS).shape == WINDOWS.shape


@torch.no_grad()
def test_a_network_is_built_again_from_its_configuration() -> None:
    for kind, network in networks().items():
        network(WINDOWS)
        again = build(kind, network.config, network.state_dict())
        assert not again.training
        for one, other in zip(
            torch.utils._pytree.tree_leaves(network.eval()(WINDOWS)),
            torch.utils._pytree.tree_leaves(again(WINDOWS)),
            strict=True,
        ):
            assert torch.equal(one, other)
    anonymizer = AnonymizerNetwork(AnonymizerConfig(channels=4, design="cheap")).eval()
    again = build("anonymizer", anonymizer.config.to_dict(), anonymizer.state_dict())
    noise = torch.randn_like(WINDOWS)
    assert torch.equal(anonymizer(WINDOWS, noise), again(WINDOWS, noise))


def test_the_denoiser_has_fifteen_convolutions() -> None:
    layers = [m for m in Denoiser(10).modules() if isinstance(m, nn.Conv2d)]
    assert [c.in_channels for c in layers] == [10, *[64] * 14]
    assert [c.out_channels for c in layers] == [*[64] * 14, 10]
    assert sum(isinstance(m, nn.BatchNorm2d) for m in Denoiser(10).modules()) == 14


def test_an_untrained_denoiser_takes_nothing_from_the_attacker_behind_it() -> None:
    assert torch.equal(Denoiser(4, depth=3, width=8)(WINDOWS), WINDOWS)


def test_dropout_is_the_configurations() -> None:
    for network in (
        ReidNetwork("small", 4, 7, dropout=0.3),
        TargetNetwork("small", 4, 5, dropout=0.3),
    ):
        (dropout,) = (m for m in network.modules() if isinstance(m, nn.Dropout))
        assert dropout.p == network.config["dropout"] == 0.3


@pytest.mark.parametrize(
    ("kind", "config", "problem"),
    [
        ("classifier", {}, "x.pt: kind: is not one of anonymizer, target"),
        ("anonymizer", {"design": "best"}, "x.pt: design"),
        ("reid", {"arch": "small", "channels": 4}, "x.pt: config: no reid network: .*identities"),
        ("reid", {"arch": "vgg", "channels": 4, "identities": 7}, "x.pt: config: .*arch"),
        ("target", {"arch": "small", "channels": -1, "classes": 2}, "x.pt: config"),
        ("denoiser", {"channels": 4, "depth": 1}, "x.pt: config: .*depth"),
        ("denoiser", {"channels": 4}, "x.pt: state: holds the weights of another denoiser"),
    ],
)
def test_what_does_not_fit_is_one_line(kind: str, config: dict[str, Any], problem: str) -> None:
    with pytest.raises(ModelError, match=problem) as caught:
        build(kind, config, Denoiser(4, depth=2).state_dict(), "x.pt")
    assert str(caught.value).isprintable()
