from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from models.gaussian import gaussian
from models.manifest import Manifest
from training.calibration import calibrate, read_windows
from training.errors import TrainingError

MANIFEST: Manifest = gaussian(4.0, bins=2).manifest


class Made(nn.Module):
    """A network of one function."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, events: Tensor, noise: Tensor) -> Tensor:
        return self.function(events, noise)


def windows(number: int = 6) -> np.ndarray:
    return np.random.default_rng(0).poisson(0.5, (number, 4, 64, 64)).astype(np.uint8)


@pytest.mark.parametrize("std", [1.0, 8.0])
def test_limits_of_gaussian_noise_are_its_statistics(std: float) -> None:
    limits = calibrate(Made(lambda x, z: x + std * z), MANIFEST, windows())
    assert limits.min_rms_change == pytest.approx(0.6 * std, rel=0.05)
    step = MANIFEST.output_step
    same = norm.cdf(step / 2, scale=std) - norm.cdf(-step / 2, scale=std)
    assert 2 * same < limits.max_unchanged < 12 * same


def test_the_quietest_channel_of_any_window_sets_the_limit() -> None:
    def network(events: Tensor, noise: Tensor) -> Tensor:
        std = torch.full((1, 4, 1, 1), 8.0)
        # Only in windows with a number of events that no synthetic window has.
        std[:, 2] = 2.0 if 0.08 < events.mean() < 0.2 else 8.0
        return events + std * noise

    few = np.random.default_rng(0).poisson(0.1, (2, 4, 64, 64))
    assert calibrate(Made(network), MANIFEST, windows()).min_rms_change > 1.3
    limits = calibrate(Made(network), MANIFEST, np.concatenate([windows(), few]))
    assert limits.min_rms_change == pytest.approx(1.2, rel=0.1)


def test_only_cells_with_events_can_keep_their_count() -> None:
    def network(events: Tensor, noise: Tensor) -> Tensor:
        return events + noise * torch.where(events > 0, 8.0, 0.01)

    assert calibrate(Made(network), MANIFEST, windows()).max_unchanged < 0.01


def test_the_scaling_of_the_manifest_is_applied() -> None:
    wanted = MANIFEST.representation.model_copy(update={"scaling": 0.5})
    scaled = MANIFEST.model_copy(update={"representation": wanted})
    seen = []

    def network(events: Tensor, noise: Tensor) -> Tensor:
        seen.append(float(events.max()))
        return events + noise

    calibrate(Made(network), scaled, np.full((1, 4, 64, 64), 3))
    assert seen[-1] == 1.5


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda x, z: x, "changes a channel by 0"),
        (lambda x, z: x + 1e-4 * z, "needs a floor"),
        (lambda x, z: x + 50 * z * (torch.rand_like(z) < 0.5), "leaves up to .* %"),
    ],
)
def test_a_network_that_changes_too_little_is_refused(
    function: Callable[[Tensor, Tensor], Tensor], problem: str
) -> None:
    with pytest.raises(TrainingError, match=problem):
        calibrate(Made(function), MANIFEST, windows())


def test_windows_of_another_shape_are_refused() -> None:
    for shape in ((3, 10, 8, 8), (4, 8, 8)):
        with pytest.raises(TrainingError, match=r"calibration windows: are .* not"):
            calibrate(Made(lambda x, z: x + z), MANIFEST, np.zeros(shape))


def test_windows_are_read_from_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", windows())
    np.testing.assert_array_equal(read_windows(tmp_path / "w.npy"), windows())
    np.savez(tmp_path / "w.npz", windows())
    (tmp_path / "text").write_text("1 2 3")
    np.save(tmp_path / "flat.npy", np.zeros(4))
    np.save(tmp_path / "words.npy", np.full((1, 2, 3, 4), "a"))
    np.save(tmp_path / "nan.npy", np.full((1, 2, 3, 4), np.nan))
    np.save(tmp_path / "code.npy", np.array([print], object), allow_pickle=True)
    for name in ("missing", "w.npz", "text", "flat.npy", "words.npy", "nan.npy", "code.npy"):
        with pytest.raises(TrainingError, match=rf"{name}: [a-zA-Z]"):
            read_windows(tmp_path / name)
