"""Attacks on the noise: each kind of bad noise is found out, good noise is not."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.anonymizer import Anonymizer
from models.gaussian import gaussian
from tests.training.audit.people import case, people
from training.audit import guessed_seed
from training.audit.attacks import noise_stream
from training.audit.deployed import Deployed
from training.audit.findings import Finding
from training.stages.cover import Cover, Raw

Normals = Callable[[tuple[int, ...]], NDArray[np.float64]]


class Noisy(Cover):
    """Twice the noise that it is given, over the window."""

    name = "noisy"

    def __init__(self, normals: Normals) -> None:
        super().__init__()
        self.normals = normals
        self.settings: dict[str, Any] = {}

    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        noise = self.normals(tuple(windows.shape))
        return windows + 2 * torch.from_numpy(np.asarray(noise)).float()


def secret(shape: tuple[int, ...]) -> NDArray[np.float64]:
    return np.random.default_rng().standard_normal(shape)


@pytest.fixture(autouse=True)
def _few_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise_stream, "_SEEDS", 4)
    monkeypatch.setattr(guessed_seed, "_HOUR_S", 30)


def attacked(cover: Cover, folder: Path, windows: int = 12) -> Finding:
    return noise_stream.attack(case(cover, folder, people(2, 1), noise_windows=windows))


def test_the_services_noise_holds(tmp_path: Path) -> None:
    anonymizer = Anonymizer(gaussian(2.0), device="cpu", threads=1)
    found = attacked(Deployed(anonymizer), tmp_path, windows=24)
    assert not found.broken and found.note == ""
    assert found.details["empty_forked"] and found.details["repeated_forked"]
    assert found.details["empty_deviation"] == pytest.approx(2, abs=0.02)
    p_values = {name: p for name, p in found.details.items() if name.startswith("p_")}
    assert len(p_values) == 6
    # Of a test that fails in one of ten thousand runs.
    assert min(p_values.values()) > 1e-4  # type: ignore[type-var]


def test_secret_noise_of_a_good_generator_holds(tmp_path: Path) -> None:
    assert not attacked(Noisy(secret), tmp_path).broken


def test_no_noise_is_broken(tmp_path: Path) -> None:
    found = attacked(Raw(), tmp_path)
    assert found.broken
    assert "the noise is none at all" in found.note


@pytest.mark.parametrize("seed", [0, 41])
def test_a_small_seed_of_numpy_is_found(tmp_path: Path, seed: int) -> None:
    found = attacked(Noisy(np.random.default_rng(seed).standard_normal), tmp_path)
    assert found.broken
    assert f"numpy.random.default_rng({seed})" in found.note


def test_the_time_as_a_seed_of_torch_is_found(tmp_path: Path) -> None:
    now = int(time.time()) - 3
    generator = torch.Generator().manual_seed(now)
    found = attacked(Noisy(lambda shape: torch.randn(shape, generator=generator).numpy()), tmp_path)
    assert found.broken and f"torch.manual_seed({now})" in found.note


def test_a_generator_that_a_fork_copies_is_found(tmp_path: Path) -> None:
    generator = np.random.default_rng(np.random.SeedSequence().entropy)
    found = attacked(Noisy(generator.standard_normal), tmp_path)
    assert found.broken and "came twice" in found.note


def test_one_draw_for_two_windows_is_found(tmp_path: Path) -> None:
    def twice(shape: tuple[int, ...]) -> NDArray[np.float64]:
        noise = secret(shape)
        noise[-1] = noise[0]
        return noise

    found = attacked(Noisy(twice), tmp_path)
    assert found.broken and "the noise of a window came twice" in found.note


def test_a_piece_that_comes_back_elsewhere_is_found(tmp_path: Path) -> None:
    kept = np.random.default_rng().standard_normal(400)

    def patched(shape: tuple[int, ...]) -> NDArray[np.float64]:
        noise = secret(shape).reshape(shape[0], -1)
        for window in noise:
            start = np.random.default_rng().integers(window.size - 400)
            window[start : start + 400] = kept
        return noise.reshape(shape)

    found = attacked(Noisy(patched), tmp_path, windows=48)
    assert found.broken and "of a part of a window came twice" in found.note


def test_noise_that_follows_from_the_window_before_is_found(tmp_path: Path) -> None:
    state: dict[str, NDArray[np.float64]] = {}

    def following(shape: tuple[int, ...]) -> NDArray[np.float64]:
        drawn = secret(shape)
        last = state.get("last", secret(shape[1:]))
        for place in range(len(drawn)):
            last = drawn[place] = np.sqrt(1 - 0.2**2) * drawn[place] + 0.2 * last
        state["last"] = last
        return drawn

    found = attacked(Noisy(following), tmp_path)
    assert found.broken and "follows from the one before" in found.note


def test_another_distribution_is_reported_and_breaks_nothing(tmp_path: Path) -> None:
    def uniform(shape: tuple[int, ...]) -> NDArray[np.float64]:
        return np.random.default_rng().uniform(-1, 1, shape)

    found = attacked(Noisy(uniform), tmp_path, windows=24)
    assert not found.broken
    assert float(found.details["p_empty_distribution"]) < 1e-6  # type: ignore[arg-type]
