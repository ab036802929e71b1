"""Recognisers on covered windows."""

from pathlib import Path

import torch
from torch.nn import functional

from models.networks.denoiser import Denoiser
from models.networks.reid import ReidNetwork
from tests.training.tiny import tiny_config, tiny_dataset
from training.config import FitPart
from training.stages.cover import Gaussian
from training.stages.fit import fit
from training.stages.recogniser import Recogniser, prepared, reid_cost

DATASET = tiny_dataset()
COVER = Gaussian(2.0)


def inverted(folder: Path, mse_weight: float) -> float:
    """Mean squared error of a denoiser trained before an attacker."""
    torch.manual_seed(0)
    config = tiny_config(f"inversion.mse_weight={mse_weight}", "batch.windows_per_epoch=null")
    part = FitPart(epochs=4, learning_rate=3e-2)
    denoiser = Denoiser(10, depth=3, width=4)
    attacker = ReidNetwork("small", 10, 4)
    module = Recogniser(attacker, reid_cost, COVER, config, part, 0, denoiser)
    fit(module, DATASET.train, folder, config=config, epochs=4, balanced=True, seed=0)
    raw = torch.from_numpy(DATASET.test.windows).float()
    with torch.no_grad():
        estimate = denoiser(COVER(raw, torch.Generator().manual_seed(0)))
    return float(functional.mse_loss(estimate, raw))


def test_the_denoiser_learns_the_raw_windows_by_the_weight_of_its_error(tmp_path: Path) -> None:
    assert inverted(tmp_path / "with", 100.0) < 0.8 * inverted(tmp_path / "without", 0.0)


def test_windows_are_scaled_before_they_are_augmented() -> None:
    config = tiny_config(
        "representation.scaling=0.5", "augment.crop=false", "augment.rotation_degrees=0"
    )
    windows = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    torch.testing.assert_close(prepared(windows, config), windows.float() / 2)
