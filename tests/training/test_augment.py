import numpy as np
import pytest
import torch
from scipy import ndimage

from training.augment import augment
from training.config import AugmentPart

STILL = {"crop": False, "rotation_degrees": 0.0, "flip": False}


def _windows(count: int = 4, height: int = 24, width: int = 36) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.poisson(torch.rand(count, 3, height, width, generator=generator), generator)


def _part(**changes: object) -> AugmentPart:
    return AugmentPart(**{**STILL, **changes})  # type: ignore[arg-type]


def _seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_nothing_asked_is_nothing_done() -> None:
    windows = _windows()
    torch.testing.assert_close(augment(windows, _part()), windows, rtol=0, atol=0)


def test_cropping_shifts_by_whole_pixels_up_to_a_twelfth() -> None:
    windows = _windows(200)
    found = augment(windows, _part(crop=True), _seeded())
    seen = set()
    for before, after in zip(windows.numpy(), found.numpy(), strict=True):
        fits = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-3, 4)
            if np.array_equal(ndimage.shift(before, (0, down, right), order=0), after)
        ]
        assert len(fits) == 1
        seen.update(fits)
    assert {down for down, _ in seen} == set(range(-2, 3))
    assert {right for _, right in seen} == set(range(-3, 4))


def test_flipping_mirrors_about_half_of_the_windows() -> None:
    windows = _windows(200)
    found = augment(windows, _part(flip=True), _seeded())
    mirrored = [
        bool((after == before.flip(2)).all()) for before, after in zip(windows, found, strict=True)
    ]
    kept = [bool((after == before).all()) for before, after in zip(windows, found, strict=True)]
    assert all(one != other for one, other in zip(mirrored, kept, strict=True))
    assert 60 < sum(mirrored) < 140


@pytest.mark.parametrize(("height", "width"), [(65, 65), (41, 81)])
def test_rotating_keeps_distances_and_stays_below_the_angle(height: int, width: int) -> None:
    windows = torch.zeros(100, 1, height, width)
    # Two marks around the middle, of which only the first has a colour of its own.
    row, column = height // 2, width // 2
    windows[:, :, row - 1 : row + 2, column + 14 : column + 17] = 2
    windows[:, :, row - 1 : row + 2, column - 16 : column - 13] = 1
    found = augment(windows, _part(rotation_degrees=30.0), _seeded()).numpy()[:, 0]
    angles = []
    for window in found:
        first, second = (np.array(ndimage.center_of_mass(window == mark)) for mark in (2, 1))
        assert np.linalg.norm(first - second) == pytest.approx(30, abs=1)
        np.testing.assert_allclose((first + second) / 2, [row, column], atol=0.6)
        angles.append(np.degrees(np.arctan2(first[0] - row, first[1] - column)))
    assert -32 < min(angles) < -20 and 20 < max(angles) < 32


def test_every_channel_moves_alike_and_every_window_by_itself() -> None:
    windows = _windows(1).expand(6, -1, -1, -1)[:, :1].expand(-1, 3, -1, -1)
    found = augment(windows, AugmentPart(), _seeded())
    assert (found == found[:, :1]).all()
    assert len({window.numpy().tobytes() for window in found}) == 6


def test_counts_stay_counts_and_a_seed_repeats_them() -> None:
    windows = _windows()
    part = AugmentPart(flip=True)
    found = augment(windows, part, _seeded(5))
    assert found.shape == windows.shape and found.dtype == windows.dtype
    assert set(found.unique().tolist()) <= set(windows.unique().tolist())
    torch.testing.assert_close(found, augment(windows, part, _seeded(5)), rtol=0, atol=0)
    assert not torch.equal(found, augment(windows, part, _seeded(6)))


def test_bytes_are_moved_as_torch_moves_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle is grid_sample, from the same draws."""
    windows = _windows(32, 64, 48).to(torch.uint8)
    grids: list[torch.Tensor] = []
    affine_grid = torch.nn.functional.affine_grid

    def seen(theta: torch.Tensor, size: list[int], **more: bool) -> torch.Tensor:
        grids.append(affine_grid(theta, size, **more))
        return grids[-1]

    monkeypatch.setattr("training.augment.functional.affine_grid", seen)
    found = augment(windows, AugmentPart(flip=True), _seeded())
    assert found.dtype == torch.uint8
    expected = torch.nn.functional.grid_sample(
        windows.float(), grids[0], mode="nearest", align_corners=False
    )
    torch.testing.assert_close(found.float(), expected, rtol=0, atol=0)


def test_lower_precision_takes_the_same_pixels() -> None:
    windows = (40 * torch.rand(8, 2, 128, 128, generator=_seeded(0))).byte()
    part = AugmentPart(rotation_degrees=10.0)
    expected = augment(windows, part, _seeded())
    with torch.autocast("cpu", torch.bfloat16):
        found = augment(windows, part, _seeded())
    assert torch.equal(found, expected)
