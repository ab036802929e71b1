"""The adversarial stage."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.networks.anonymizer import AnonymizerNetwork
from models.networks.reid import ReidNetwork
from models.networks.target import TargetNetwork
from tests.training.tiny import tiny_config, tiny_dataset
from training.batches import Batch
from training.config import Config
from training.losses import spread
from training.stages.cover import draw
from training.stages.fit import fit
from training.stages.pipeline import Pipeline, entropy, held_still

DATASET = tiny_dataset()
BOUNDED = "{design: cheap, width: 4, input: events, output: bounded, min_sigma: 1, energy: 5}"
FIVE_STEPS = ("batch.windows_per_epoch=40", "pipeline.epochs=1")


def made(config: Config, kind: type[Pipeline] = Pipeline) -> Pipeline:
    torch.manual_seed(1)
    return kind(
        AnonymizerNetwork(config.networks.anonymizer),
        TargetNetwork("small", 10, 3),
        [ReidNetwork("small", 10, 4) for _ in range(config.pipeline.attackers)],
        config,
        seed=1,
    )


def train(module: Pipeline, folder: Path, config: Config) -> None:
    fit(
        module,
        DATASET.train,
        folder,
        config=config,
        epochs=config.pipeline.epochs,
        balanced=True,
        seed=1,
    )


def trained(folder: Path, *overrides: str) -> tuple[Pipeline, Pipeline]:
    """The pipeline after a few steps, and as it was before."""
    config = tiny_config(*FIVE_STEPS, *overrides)
    module = made(config)
    train(module, folder, config)
    return module, made(config)


def moved(after: nn.Module, before: nn.Module) -> float:
    """How far the weights are from where they were."""
    pairs = zip(after.parameters(), before.parameters(), strict=True)
    return sum(float((one - other).detach().abs().sum()) for one, other in pairs)


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("pipeline.attackers=2", "pipeline.attacker_steps=2"),
        ("pipeline.adversary_loss=triplet+entropy", "pipeline.cap=6"),
        ("compute.precision=bf16-mixed",),
        ("networks.anonymizer.input=events", "networks.anonymizer.output=replace",
         "networks.anonymizer.min_sigma=0"),
    ],
    ids=["published", "two attackers", "entropy", "bf16", "replace"],
)  # fmt: skip
def test_every_network_learns(overrides: tuple[str, ...], tmp_path: Path) -> None:
    after, before = trained(tmp_path, *overrides)
    for one, other in zip(
        [after.anonymizer, after.target, *after.attackers],
        [before.anonymizer, before.target, *before.attackers],
        strict=True,
    ):
        assert moved(one, other) > 0
    assert all(torch.isfinite(p).all() for p in after.parameters())


def test_without_its_weight_the_attacker_is_only_watched(tmp_path: Path) -> None:
    """Two runs that differ in the attacker alone end with the same anonymizer."""
    one, _ = trained(tmp_path / "one", "pipeline.reid_weight=0")
    other, _ = trained(
        tmp_path / "other", "pipeline.reid_weight=0", "pipeline.halve_every=1",
    )  # fmt: skip
    assert moved(one.anonymizer, other.anonymizer) == 0
    published, _ = trained(tmp_path / "published", "pipeline.reid_weight=1")
    assert moved(one.anonymizer, published.anonymizer) > 0


def test_learning_rates_follow_their_schedules(tmp_path: Path) -> None:
    after, _ = trained(
        tmp_path, "pipeline.epochs=2", "batch.windows_per_epoch=8", "pipeline.halve_every=1"
    )
    anonymizer, target, reid = (one.param_groups[0]["lr"] for one in after.trainer.optimizers)
    assert anonymizer == pytest.approx(0, abs=1e-12)
    assert target == reid == pytest.approx(1e-3 / 4)


class Killed(Exception):
    """Stands for what ends a process in the middle of an epoch."""


class Mortal(Pipeline):
    def training_step(self, batch: Batch, batch_idx: int) -> None:
        if (self.current_epoch, batch_idx) == (1, 1):
            raise Killed
        super().training_step(batch, batch_idx)


def test_a_killed_pipeline_ends_where_an_undisturbed_one_ends(tmp_path: Path) -> None:
    longer = ("pipeline.epochs=3", "batch.windows_per_epoch=16", "pipeline.halve_every=1")
    undisturbed, _ = trained(tmp_path / "undisturbed", *longer)
    config = tiny_config(*FIVE_STEPS, *longer)
    with pytest.raises(Killed):
        train(made(config, Mortal), tmp_path / "killed", config)
    resumed = made(config)
    train(resumed, tmp_path / "killed", config)
    state = undisturbed.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in resumed.state_dict().items())


def test_batches_are_counted_once_a_step(tmp_path: Path) -> None:
    """Held still, the attacker's statistics are those of its own steps alone."""
    after, _ = trained(tmp_path)
    # Five steps, each with one pass to hold still for and one of its own.
    norm = after.attackers[0].backbone.input_norm
    assert int(norm.num_batches_tracked) == 10
    assert norm.momentum == 0.1


def test_held_still_lets_gradients_through_and_keeps_everything_else() -> None:
    torch.manual_seed(0)
    network = ReidNetwork("small", 10, 4).train()
    windows = torch.rand(4, 10, 32, 32, requires_grad=True)
    mean = network.backbone.input_norm.running_mean.clone()
    with held_still(network):
        embedding, _ = network(windows)
    embedding.square().sum().backward()
    assert windows.grad is not None
    assert windows.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())
    assert torch.equal(network.backbone.input_norm.running_mean, mean)
    network(windows)
    assert not torch.equal(network.backbone.input_norm.running_mean, mean)
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_entropy_is_the_one_of_torch() -> None:
    logits = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    expected = torch.distributions.Categorical(logits=logits).entropy().mean()
    torch.testing.assert_close(entropy(logits), expected)


class Watched(Pipeline):
    """Remembers how loose the anonymizer's bound was at every step."""

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        self.slacks: list[float] = []

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        super().training_step(batch, batch_idx)
        self.slacks.append(self.anonymizer.slack)


def test_a_bounded_anonymizer_begins_loose_and_ends_at_its_own_bound(tmp_path: Path) -> None:
    config = tiny_config(
        f"networks.anonymizer={BOUNDED}",
        "batch.windows_per_epoch=16",
        "pipeline.epochs=4",
        "pipeline.energy_start=100",
    )
    module = made(config, Watched)
    assert isinstance(module, Watched)
    train(module, tmp_path, config)
    # Two steps an epoch: equal factors in the first half, the model's own bound in the second.
    assert module.slacks == pytest.approx([100, 100**0.75, 10, 100**0.25, 1, 1, 1, 1])
    assert module.anonymizer.slack == 1


@pytest.mark.parametrize("averages", [(1,), (10_000,), (1, 10_000)], ids=["1", "10000", "both"])
def test_attackers_meet_means_of_draws_and_the_target_network_single_ones(
    averages: tuple[int, ...], tmp_path: Path
) -> None:
    config = tiny_config(
        f"networks.anonymizer={BOUNDED}",
        "batch.windows_per_epoch=80",
        f"pipeline.averages={list(averages)}",
    )
    module = made(config)
    # A bound of 5 leaves a signal far below 0.1 a cell: what is left is noise.
    spread: dict[str, list[float]] = {"target": [], "attacker": []}

    def remember(name: str) -> Any:
        return lambda _, seen: spread[name].append(float(seen[0].detach().std()))

    module.target.register_forward_pre_hook(remember("target"))
    module.attackers[0].register_forward_pre_hook(remember("attacker"))
    train(module, tmp_path, config)
    assert spread["target"] == pytest.approx([1] * len(spread["target"]), rel=0.1)
    met = {1 if one > 0.5 else 10_000 for one in spread["attacker"]}
    assert met == set(averages)
    # The step that it learns by and the step that the anonymizer learns by show it the same.
    assert spread["attacker"][0::2] == spread["attacker"][1::2]


def test_spread_between_people_who_do_the_same_is_what_its_weight_takes_away(
    tmp_path: Path,
) -> None:
    summary = "{design: summary, input: events, output: bounded, min_sigma: 1, energy: 50}"
    found = {}
    for weight in (0, 3):
        config = tiny_config(
            f"networks.anonymizer={summary}",
            "batch.windows_per_epoch=160",
            "pipeline.epochs=2",
            "pipeline.reid_weight=0",
            f"pipeline.spread_weight={weight}",
        )
        module = made(config)
        train(module, tmp_path / str(weight), config)
        split = DATASET.train
        raw = torch.from_numpy(split.windows.astype(np.float32))
        with torch.no_grad():
            drawn = draw(module.anonymizer, raw, torch.zeros_like(raw))
        assert drawn.signal is not None
        people, labels = (torch.from_numpy(of) for of in (split.subject, split.label))
        found[weight] = float(spread(drawn.signal, labels, people))
    assert found[3] < found[0] / 2
