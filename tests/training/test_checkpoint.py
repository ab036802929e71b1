"""Checkpoints."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from models.networks.target import TargetNetwork
from tests.training.tiny import tiny_config
from training.checkpoint import Checkpoint, load_checkpoint, unpacked
from training.errors import TrainingError


@pytest.fixture
def checkpoint() -> Checkpoint:
    network = TargetNetwork("small", 10, 3)
    return Checkpoint(
        kind="target",
        config=network.config,
        state=network.state_dict(),
        representation=tiny_config().representation,
        labels=("a", "b", "c"),
        trained_on={"seed": 0},
        metrics={"target_acc": 50.0},
    )


def test_a_network_comes_back_as_it_was(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "x" / "target.pt")
    back = load_checkpoint(tmp_path / "x" / "target.pt", "target")
    assert (back.labels, back.trained_on, back.metrics, back.representation) == (
        checkpoint.labels,
        checkpoint.trained_on,
        checkpoint.metrics,
        checkpoint.representation,
    )
    windows = torch.ones(2, 10, 32, 32)
    torch.testing.assert_close(back.network()(windows), checkpoint.network()(windows))


def _without_labels(document: dict[str, Any]) -> None:
    del document["labels"]


def _other_widths(document: dict[str, Any]) -> None:
    document["config"]["channels"] = 12


def _other_arch(document: dict[str, Any]) -> None:
    document["config"]["arch"] = "resnet50"


def _other_window(document: dict[str, Any]) -> None:
    document["representation"]["bins"] = 0


def _labels_of_another_type(document: dict[str, Any]) -> None:
    document["labels"] = 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_labels, "no checkpoint of a network"),
        (_other_widths, "state"),
        (_other_arch, "state"),
        (_other_window, r"representation\.bins"),
        (_labels_of_another_type, "labels"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_one_line(
    change: Callable[[dict[str, Any]], None], said: str, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = tmp_path / "target.pt"
    checkpoint.save(path)
    document = torch.load(path, weights_only=True)
    change(document)
    torch.save(document, path)
    with pytest.raises(ValueError, match=rf"target\.pt: .*{said}") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


def test_another_kind_is_one_line(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "target.pt")
    with pytest.raises(TrainingError, match="kind: is no reid network"):
        load_checkpoint(tmp_path / "target.pt", "reid")


@pytest.mark.parametrize("share", [0, 0.3, 0.9, 0.999])
def test_a_cut_file_is_one_line(checkpoint: Checkpoint, tmp_path: Path, share: float) -> None:
    path = tmp_path / "target.pt"
    checkpoint.save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(TrainingError, match=r"target\.pt: is no checkpoint"):
        load_checkpoint(path)


def test_flipped_weights_are_found(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = tmp_path / "target.pt"
    checkpoint.save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(TrainingError, match=r"target\.pt: is (damaged|no checkpoint)"):
        load_checkpoint(path)


@pytest.mark.parametrize("archive", [True, False])
def test_a_file_with_code_in_it_is_not_run(archive: bool, tmp_path: Path) -> None:
    class Code:
        def __reduce__(self) -> Any:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"kind": Code()}, tmp_path / "evil.pt", _use_new_zipfile_serialization=archive)
    with pytest.raises(TrainingError, match=r"evil\.pt: is no checkpoint of tensors and plain"):
        load_checkpoint(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


def test_a_file_of_before_archives_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pth.tar"
    document = {"arch": "Some", "model": {"bins": 5}, "state_dict": {"a": torch.arange(5.0)}}
    torch.save(document, path, _use_new_zipfile_serialization=False)
    found = unpacked(path)
    assert torch.equal(found["state_dict"].pop("a"), torch.arange(5.0))
    assert found == {"arch": "Some", "model": {"bins": 5}, "state_dict": {}}
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(TrainingError, match=r"old\.pth\.tar: is no checkpoint") as caught:
        unpacked(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No such file"):
        load_checkpoint(tmp_path / "not-there.pt")


def test_a_full_disk_leaves_what_was_there(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "target.pt"
    checkpoint.save(path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TrainingError, match=r"target\.pt: No space left on device"):
        checkpoint.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
