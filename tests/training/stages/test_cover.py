"""Covers."""

import pytest
import torch

from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from training.stages.cover import Gaussian, Learned, Raw, covered, draw

WINDOWS = torch.arange(4 * 10 * 16 * 16).remainder(7).float().reshape(4, 10, 16, 16)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_raw_changes_nothing() -> None:
    assert torch.equal(Raw()(WINDOWS), WINDOWS)


def test_gaussian_adds_noise_of_its_deviation() -> None:
    noise = Gaussian(32.0)(WINDOWS, generator()) - WINDOWS
    assert abs(float(noise.std()) - 32) < 1
    assert abs(float(noise.mean())) < 1
    assert Gaussian(32.0).name == "gaussian-32"


def test_noise_is_fresh_unless_a_generator_says_otherwise() -> None:
    cover = Gaussian(1.0)
    assert not torch.equal(cover(WINDOWS), cover(WINDOWS))
    assert torch.equal(cover(WINDOWS, generator(3)), cover(WINDOWS, generator(3)))


def test_learned_is_the_anonymizer_on_standard_normal_noise_and_passes_no_gradient() -> None:
    anonymizer = AnonymizerNetwork(AnonymizerConfig(design="cheap", min_sigma=0.5))
    cover = Learned(anonymizer)
    noise = torch.randn(WINDOWS.shape, generator=generator(1))
    covered = cover(WINDOWS, generator(1))
    torch.testing.assert_close(covered, anonymizer(WINDOWS, noise))
    assert not covered.requires_grad


def test_covers_are_known_by_what_they_do() -> None:
    torch.manual_seed(0)
    one, other = (Learned(AnonymizerNetwork(AnonymizerConfig(design="cheap"))) for _ in "ab")
    assert one.settings == Learned(one.anonymizer).settings
    assert one.settings != other.settings
    assert Gaussian(1.0).settings != Gaussian(2.0).settings


def bounded() -> AnonymizerNetwork:
    torch.manual_seed(0)
    return AnonymizerNetwork(
        AnonymizerConfig(
            design="cheap", width=4, input="events", output="bounded", min_sigma=2, energy=50
        )
    )


def test_a_mean_of_draws_has_their_signal_and_less_noise() -> None:
    """Against the mean of draws that were really made."""
    anonymizer = bounded()
    with torch.no_grad():
        drawn = torch.stack(
            [covered(anonymizer, WINDOWS, torch.randn(WINDOWS.shape)) for _ in range(64)]
        )
        one = draw(anonymizer, WINDOWS, torch.randn(WINDOWS.shape), 64)
        signal = anonymizer(WINDOWS, torch.zeros(WINDOWS.shape))
    assert float((one.mean - signal).std()) == pytest.approx(2 / 8, rel=0.02)
    assert float((drawn.mean(dim=0) - signal).std()) == pytest.approx(2 / 8, rel=0.02)
    assert float((one.single - signal).std()) == pytest.approx(2, rel=0.02)
    torch.testing.assert_close((one.single - signal) / 8, one.mean - signal, atol=1e-4, rtol=0)
    # In units of the noise, of which the bound is one, too.
    assert one.signal is not None
    torch.testing.assert_close(2 * one.signal, signal)
    assert float(one.signal.square().sum(dim=(1, 2, 3)).max()) <= 50


def test_a_mean_of_one_is_the_draw_and_so_is_any_of_an_anonymizer_that_sees_its_noise() -> None:
    noise = torch.randn(WINDOWS.shape)
    one = draw(bounded(), WINDOWS, noise, 1)
    assert one.mean is one.single
    seeing = AnonymizerNetwork(AnonymizerConfig(design="cheap", width=4))
    one = draw(seeing, WINDOWS, noise, 64)
    assert one.mean is one.single
    assert one.signal is None
    torch.testing.assert_close(one.single, covered(seeing, WINDOWS, noise))
