"""What a training runs on."""

import pytest
import torch

from training.config import ComputePart
from training.device import describe, device, trainer_arguments
from training.errors import TrainingError


def test_a_cpu_is_one_process_unless_more_are_asked_for() -> None:
    one = trainer_arguments(ComputePart(accelerator="cpu"))
    assert (one["accelerator"], one["devices"], one["strategy"]) == ("cpu", 1, "auto")
    two = trainer_arguments(ComputePart(accelerator="cpu", devices=2))
    assert (two["devices"], two["strategy"]) == (2, "ddp_find_unused_parameters_true")


def test_all_gpus_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "GPU X")
    part = ComputePart(precision="bf16-mixed")
    assert trainer_arguments(part)["devices"] == 4
    assert trainer_arguments(part)["accelerator"] == "gpu"
    assert describe(part) == "4 x GPU X, bf16-mixed"


def test_a_gpu_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match=r"compute\.accelerator: no GPU here"):
        device(ComputePart(accelerator="gpu"))


def test_a_cpu_is_described_with_its_threads() -> None:
    text = describe(ComputePart(accelerator="cpu"))
    assert text.startswith("CPU (")
    assert f"{torch.get_num_threads()} threads" in text
