"""Fitting, kills, and going on."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models.networks.target import TargetNetwork
from tests.training.tiny import tiny_config, tiny_dataset
from training.batches import Batch
from training.config import FitPart
from training.errors import TrainingError
from training.stages.cover import Gaussian
from training.stages.fit import fit, forget
from training.stages.recogniser import Recogniser, target_cost

EPOCHS = 3
CONFIG = tiny_config()
DATASET = tiny_dataset()


class Killed(Exception):
    """Stands for what ends a process in the middle of an epoch."""


class Recorded(Recogniser):
    """Counts its steps and dies where it is told to."""

    steps = 0
    dies_in_epoch: int | None = None

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.steps += 1
        if (self.current_epoch, batch_idx) == (self.dies_in_epoch, 1):
            raise Killed
        return super().training_step(batch, batch_idx)


def module(dies_in_epoch: int | None = None, channels: int = 10) -> Recorded:
    torch.manual_seed(0)
    made = Recorded(
        TargetNetwork("small", channels, 3),
        target_cost,
        Gaussian(1.0),
        CONFIG,
        FitPart(epochs=EPOCHS, learning_rate=1e-3),
        seed=5,
    )
    made.dies_in_epoch = dies_in_epoch
    return made


def train(one: Recorded, folder: Path) -> float:
    return fit(
        one,
        DATASET.train,
        folder,
        config=CONFIG,
        epochs=EPOCHS,
        balanced=False,
        seed=5,
        cover=one.cover,
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    one = module()
    train(one, tmp_path_factory.mktemp("undisturbed"))
    return one


def same(one: Recorded, other: Recorded) -> bool:
    mine, yours = one.network.state_dict(), other.network.state_dict()
    return all(torch.equal(mine[name], yours[name]) for name in mine)


def test_a_killed_training_ends_where_an_undisturbed_one_ends(
    undisturbed: Recorded, tmp_path: Path
) -> None:
    with pytest.raises(Killed):
        train(module(dies_in_epoch=0), tmp_path)
    with pytest.raises(Killed):
        train(module(dies_in_epoch=2), tmp_path)
    resumed = module()
    train(resumed, tmp_path)
    assert resumed.steps == undisturbed.steps // EPOCHS
    assert same(resumed, undisturbed)


def test_a_finished_training_takes_no_further_step(undisturbed: Recorded, tmp_path: Path) -> None:
    train(module(), tmp_path)
    again = module()
    train(again, tmp_path)
    assert again.steps == 0
    assert same(again, undisturbed)
    forget(tmp_path)
    assert not list(tmp_path.glob("*.ckpt"))


def test_seconds_before_a_kill_count(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(module(dies_in_epoch=1), tmp_path)
    state = torch.load(tmp_path / "training.ckpt", weights_only=True)
    (watch,) = (one for one in state["callbacks"].values() if "elapsed_s" in one)
    assert watch["elapsed_s"] > 0
    watch["elapsed_s"] = 1e6
    torch.save(state, tmp_path / "training.ckpt")
    assert train(module(), tmp_path) > 1e6


def test_a_full_disk_leaves_the_last_state_and_is_one_line(
    undisturbed: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Killed):
        train(module(dies_in_epoch=1), tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(TrainingError, match=r"training\.ckpt: No space left on device"):
            train(module(), tmp_path)
    assert not list(tmp_path.glob(".training.ckpt.*"))
    resumed = module()
    train(resumed, tmp_path)
    assert same(resumed, undisturbed)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _other(path: Path) -> None:
    torch.save({"weights": 1}, path)


@pytest.mark.parametrize("damage", [_cut, _other])
def test_a_damaged_state_is_one_line(damage: Any, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(module(dies_in_epoch=1), tmp_path)
    damage(tmp_path / "training.ckpt")
    with pytest.raises(TrainingError, match=r"training\.ckpt: is no ") as caught:
        train(module(), tmp_path)
    assert "\n" not in str(caught.value)


def test_the_state_of_another_network_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        train(module(dies_in_epoch=1), tmp_path)
    with pytest.raises(TrainingError, match=r"training\.ckpt: is of another training"):
        train(module(channels=12), tmp_path)


def test_tensorboard_gets_losses_and_pictures(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import (  # noqa: PLC0415
        EventAccumulator,
    )

    train(module(), tmp_path)
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    assert "loss_epoch" in events.Tags()["scalars"]
    assert len(events.Images("raw above, covered below")) == EPOCHS
