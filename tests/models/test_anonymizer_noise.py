"""Privacy invariant 2 in what is published: unpredictable noise, never used twice."""

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from models.gaussian import gaussian
from models.noise import NoiseSource
from tests.models.onnx_models import noisy
from tests.models.verdicts import counts, opened, tensors


def test_noise_is_never_used_twice() -> None:
    """Between windows of a batch, between batches, and between anonymizers."""
    histograms = np.repeat(counts(1, 10), 3, axis=0)
    one, other = opened(gaussian(4)), opened(gaussian(4))
    draws = [one.anonymize(histograms), one.anonymize(histograms), other.anonymize(histograms)]
    changes = np.concatenate([tensors(draw) - histograms for draw in draws])
    # Every channel of every window of every batch against every other.
    flat = changes.reshape(-1, 64 * 64)
    correlation = np.corrcoef(flat) - np.eye(len(flat))
    assert np.abs(correlation).max() * 64 < 6.7
    assert np.unique(flat, axis=0).shape == flat.shape


def test_numpy_seeds_do_not_reach_the_noise() -> None:
    draws = []
    for _ in range(2):
        np.random.seed(7)
        draws.append(tensors(opened(noisy()).anonymize(counts())))
    assert not np.array_equal(*draws)


def low_bits_attack(values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Guess, for values near 0, whether the count was 0 (Mironov, CCS 2012).

    ``1 + s`` with ``s`` near -1 is a multiple of float32's spacing there, 2**-24; ``0 + s``
    keeps all the bits of a small ``s``.
    """
    return np.asarray(values * np.float32(2**24) % 1 != 0)


def attack_accuracy(values: NDArray[np.float32], secret_is_zero: NDArray[np.bool_]) -> float:
    """Mean over both secrets of how often the attack is right, on values it applies to."""
    near = np.abs(values) < 2.0**-4
    guess = low_bits_attack(values)
    rates = [np.mean(guess[near & (secret_is_zero == s)] == s) for s in (True, False)]
    return float(np.mean(rates))


def test_low_order_bits_tell_nothing() -> None:
    histograms = (np.indices((4, 10, 256, 256)).sum(axis=0) % 2).astype(np.uint16)
    model, secret_is_zero = gaussian(4), histograms == 0

    session = onnxruntime.InferenceSession(model.onnx_bytes, providers=["CPUExecutionProvider"])
    events, noise = histograms.astype(np.float32), np.empty(histograms.shape, np.float32)
    NoiseSource().normal(noise)
    (raw,) = session.run(["anonymized"], {"events": events, "noise": noise})
    assert attack_accuracy(raw, secret_is_zero) > 0.9

    published = tensors(opened(model).anonymize(histograms))
    # About 16,000 values of each secret lie near 0: chance, within 5.33 standard errors.
    assert attack_accuracy(published, secret_is_zero) == pytest.approx(0.5, abs=0.03)
    # And no other way of reading them: both secrets give the same values equally often.
    near = np.abs(published) < 2.0**-4
    grid = np.rint(published * 256).astype(int)
    zero, one = (
        np.bincount(grid[near & (secret_is_zero == s)] + 16, minlength=33) for s in (True, False)
    )
    expected = (zero + one) / 2
    seen = expected > 0
    distance = float((((zero - one) ** 2)[seen] / (2 * expected[seen])).sum())
    # Normal densities at 0 and at 1 of std 4 differ by 3 %, which the test does not resolve.
    assert distance < 150
