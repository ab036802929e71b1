"""What a training runs on."""

import platform
from pathlib import Path
from typing import Any

import torch

from training.config import ComputePart
from training.errors import TrainingError


def device(part: ComputePart) -> torch.device:
    """Where networks are evaluated, by no more CPU threads than asked for.

    Raises :class:`TrainingError` without a GPU to take.
    """
    if part.threads is not None:
        torch.set_num_threads(part.threads)
    if part.accelerator == "gpu" and not torch.cuda.is_available():
        raise TrainingError("no GPU here", source="configuration", field="compute.accelerator")
    if part.accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())


def threads(part: ComputePart) -> int:
    """CPU threads of one process, torch's as well as another library's."""
    return part.threads or torch.get_num_threads()


def trainer_arguments(part: ComputePart) -> dict[str, Any]:
    """What Lightning's Trainer is told about it."""
    kind = device(part).type
    devices = part.devices
    if devices == "auto":
        devices = torch.cuda.device_count() if kind == "cuda" else 1
    return {
        "accelerator": "gpu" if kind == "cuda" else "cpu",
        "devices": devices,
        # The adversarial stage leaves part of its networks out of each of its losses.
        "strategy": "ddp_find_unused_parameters_true" if devices > 1 else "auto",
        "precision": part.precision,
    }


def describe(part: ComputePart) -> str:
    """In words, for a table of results."""
    arguments = trainer_arguments(part)
    if arguments["accelerator"] == "gpu":
        return f"{arguments['devices']} x {torch.cuda.get_device_name()}, {part.precision}"
    return f"CPU ({_cpu()}), {threads(part)} threads, {part.precision}"


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()
