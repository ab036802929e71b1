from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from models.errors import ModelError
from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork

INPUTS = ("events", "events,noise")
OUTPUTS = ("replace", "add", "scale", "mean,scale")
DESIGNS = ("paper", "cheap", "summary", "codes")


def network(**fields: Any) -> AnonymizerNetwork:
    torch.manual_seed(0)
    if fields.get("design") == "codes":
        fields = {"codes": 5, **fields}
    return AnonymizerNetwork(AnonymizerConfig.from_dict({"channels": 4, **fields})).eval()


def window(*shape: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    events = torch.poisson(torch.full(shape, 0.3), generator)
    return events, torch.randn(shape, generator=generator)


@torch.no_grad()
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("given", INPUTS)
def test_every_variant_keeps_any_shape(design: str, output: str, given: str) -> None:
    model = network(design=design, output=output, input=given)
    for shape in ((1, 4, 16, 16), (2, 4, 7, 13), (1, 4, 1, 5)):
        result = model(*window(*shape))
        assert result.shape == shape
        assert result.dtype == torch.float32


def test_the_published_design_is_six_convolutions() -> None:
    body = network(channels=10).body
    assert isinstance(body, nn.Sequential)
    layers = [layer for layer in body if isinstance(layer, nn.Conv2d)]
    widths = [(c.in_channels, c.out_channels) for c in layers]
    assert widths == [(20, 64), (64, 128), (128, 256), (256, 128), (128, 64), (64, 10)]
    assert {(c.kernel_size, c.stride) for c in layers} == {((3, 3), (1, 1))}
    assert [type(layer) for layer in body][1::2] == [nn.ReLU] * 5


@torch.no_grad()
@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("replace", lambda x, z, a: a),
        ("add", lambda x, z, a: x + a),
        ("scale", lambda x, z, a: x + a * z),
        ("mean,scale", lambda x, z, a: x + a[:, :4] + a[:, 4:] * z),
    ],
)
def test_outputs_are_what_the_table_says(output: str, expected: Any) -> None:
    events, noise = window(2, 4, 9, 10)
    model = network(output=output, noise_scale=3.0, gain=2.0)
    body = 2 * model.body(torch.cat([events, 3 * noise], dim=1))
    torch.testing.assert_close(model(events, noise), expected(events, 3 * noise, body))


@torch.no_grad()
@pytest.mark.parametrize("design", DESIGNS)
def test_without_noise_as_input_sigma_knows_the_events_only(design: str) -> None:
    model = network(input="events", design=design)
    events, noise = window(1, 4, 8, 8)
    torch.testing.assert_close(
        model(events, 2 * noise) - events, 2 * (model(events, noise) - events)
    )


@torch.no_grad()
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("learned", [-50.0, 0.0, 50.0])
def test_every_cell_changes_by_the_floor_whatever_was_learned(design: str, learned: float) -> None:
    events, noise = window(1, 4, 12, 12)
    model = network(design=design, min_sigma=2.0)
    nn.init.constant_(list(model.parameters())[-1], learned)
    change = model(events, noise) - events
    assert torch.all(change.abs() >= 2 * noise.abs() - 1e-5)
    assert torch.equal(change.sign(), noise.sign())


@torch.no_grad()
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_saturated_counts_stay_finite(design: str, output: str) -> None:
    model = network(design=design, output=output)
    _, noise = window(1, 4, 16, 16)
    assert model(torch.full((1, 4, 16, 16), 65535.0), noise).isfinite().all()


@torch.no_grad()
def test_the_cheap_design_is_cheap_and_decides_by_pixel() -> None:
    model = network(channels=10, design="cheap")
    events, noise = window(1, 10, 128, 128)
    with FlopCounterMode(display=False) as counter:
        before = model(events, noise)
    assert counter.get_total_flops() / 2 < 200e6
    events[0, 3, 64, 64] += 5
    change = (model(events, noise) - before).abs()[0, 3]
    assert change.argmax() == 64 * 128 + 64


def test_gradients_reach_every_weight() -> None:
    for design in DESIGNS[:3]:
        model = network(design=design)
        model(*window(1, 4, 8, 8)).square().sum().backward()
        assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_a_configuration_survives_a_dictionary() -> None:
    config = AnonymizerConfig(channels=6, design="cheap", output="mean,scale", min_sigma=0.5)
    assert AnonymizerConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"design": "best"}, "^x.pt: design: "),
        ({"output": None}, "^x.pt: output: "),
        ({"channels": "10"}, "^x.pt: channels: "),
        ({"min_sigma": -1.0}, "^x.pt: min_sigma: "),
        ({"gain": float("nan")}, "^x.pt: gain: "),
        ({"depth": 6}, "^x.pt: depth: "),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        AnonymizerConfig.from_dict(fields, "x.pt")


@torch.no_grad()
def test_a_summary_says_nothing_of_places() -> None:
    """It is the same 4x4 cells everywhere, so that no detail of the window can be in it."""
    model = network(design="summary", input="events", output="replace")
    result = model(*window(2, 4, 18, 23))
    padded = torch.nn.functional.pad(result, (0, 1, 0, 2), value=torch.nan)
    tiles = padded.unfold(2, 4, 4).unfold(3, 4, 4)
    first = tiles[:, :, :1, :1]
    assert (tiles.isnan() | (tiles == first)).all()
    assert not torch.equal(first[0], first[1])


@torch.no_grad()
def test_a_summary_does_not_depend_on_other_windows_of_the_batch() -> None:
    model = network(design="summary", input="events", output="replace").train()
    events, noise = window(3, 4, 16, 16)
    together = model(events, noise)
    alone = torch.cat([model(events[i : i + 1], noise[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_of_codes_there_are_no_more_than_were_asked_for() -> None:
    """Whatever the input: what leaves without the noise is one of them, the same everywhere."""
    fields = {"output": "bounded", "input": "events", "min_sigma": 4.0, "energy": 400.0}
    model = network(design="codes", gain=8.0, **fields)
    events = torch.cat([window(64, 4, 16, 16)[0] * k for k in (0, 1, 5, 65535)])
    signal, scale = model.parts(events, torch.zeros_like(events))
    assert scale == 4.0
    tiles = signal.unfold(2, 4, 4).unfold(3, 4, 4)
    assert (tiles == tiles[:, :, :1, :1]).all()
    different = torch.unique(signal.flatten(1), dim=0)
    assert 2 <= len(different) <= 5
    energy = (signal / scale).square().sum(dim=(1, 2, 3))
    torch.testing.assert_close(energy, torch.full_like(energy, 400.0), rtol=1e-2, atol=0)


def test_codes_learn_though_a_decision_has_no_slope() -> None:
    model = network(design="codes", input="events", output="replace").train()
    model(*window(3, 4, 16, 16)).square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.body.parameters())


@pytest.mark.parametrize(
    ("fields", "problem"),
    [({"design": "codes"}, "codes: is not given"), ({"codes": 5}, "codes goes with the design")],
)
def test_codes_and_their_number_go_together(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ModelError, match=problem):
        AnonymizerNetwork(AnonymizerConfig.from_dict(fields))
