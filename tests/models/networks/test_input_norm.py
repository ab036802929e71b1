"""A normalisation and a convolution, as one."""

import copy

import pytest
import torch
from torch import Tensor, nn

from models.networks.input_norm import convolved


def made(**shape: object) -> tuple[nn.BatchNorm2d, nn.Conv2d]:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(3).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm, nn.Conv2d(3, 4, **shape).double()  # type: ignore[arg-type]


def windows() -> Tensor:
    return 3 * torch.randn(5, 3, 11, 14, dtype=torch.float64) + 7


@pytest.mark.parametrize(
    "shape",
    [
        {"kernel_size": 7, "stride": 4, "padding": 3, "bias": False},
        {"kernel_size": 4, "stride": 4},
        {"kernel_size": 1},
    ],
    ids=["of residual networks", "patches", "cells"],
)
@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("solved_for", [True, False])
def test_it_is_the_one_after_the_other(
    shape: dict[str, object], trained: bool, solved_for: bool
) -> None:
    norm, conv = made(**shape)
    norm.train(trained)
    other_norm, other_conv = copy.deepcopy((norm, conv))
    x = windows().requires_grad_(solved_for)
    y = x.detach().clone().requires_grad_(solved_for)
    # Twice: what it has seen of the first counts for the second.
    for _ in range(2):
        found, expected = convolved(norm, conv, x), other_conv(other_norm(y))
        torch.testing.assert_close(found, expected)
        slope = torch.randn_like(found)
        found.backward(slope)  # type: ignore[no-untyped-call]
        expected.backward(slope)
    torch.testing.assert_close(dict(norm.named_buffers()), dict(other_norm.named_buffers()))
    for one, other in ((norm, other_norm), (conv, other_conv)):
        for parameter, same in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(parameter.grad, same.grad)
    if solved_for:
        torch.testing.assert_close(x.grad, y.grad)


def test_lower_precision_does_not_lose_what_little_there_is_beside_a_large_mean() -> None:
    norm, conv = nn.BatchNorm2d(3), nn.Conv2d(3, 4, 4, 4, bias=False)
    x = torch.randn(5, 3, 16, 16) / 10 + 100
    expected = conv(norm(x))
    with torch.autocast("cpu", torch.bfloat16):
        found = convolved(norm, conv, x)
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0.03)
