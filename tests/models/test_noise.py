"""Privacy invariant 2. Tolerances: a false alarm less often than once in a million runs."""

import inspect
import os
import threading
import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from models import noise
from models.box_muller import box_muller
from models.noise import NoiseSource

#: Two-sided normal quantile of 1e-7.
SIGMAS = 5.33
SMALLEST_P = 1e-7


def drawn(*shape: int) -> NDArray[np.float32]:
    out = np.full(shape, np.nan, np.float32)
    NoiseSource().normal(out)
    return out


def uncorrelated(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    r = float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
    return abs(r) * np.sqrt(a.size) < SIGMAS


def test_moments_to_the_fourth_order() -> None:
    values = drawn(2_000_000).astype(np.float64)
    # Variance of the sample mean of z**k is (E z**2k - (E z**k)**2) / n.
    for power, expected, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        error = abs((values**power).mean() - expected) / np.sqrt(variance / values.size)
        assert error < SIGMAS, f"moment {power}"


@pytest.mark.parametrize("size", [200_000, 65_537, 10 * 128 * 128])
def test_the_distribution_is_normal(size: int) -> None:
    values = drawn(size)
    assert stats.kstest(values, "norm").pvalue > SMALLEST_P
    assert stats.normaltest(values).pvalue > SMALLEST_P


@pytest.mark.parametrize("beyond", [3.0, 4.0, 4.5])
def test_the_tails_are_those_of_a_normal(beyond: float) -> None:
    values = drawn(4_000_000)
    for tail in (values > beyond, values < -beyond):
        count = int(np.count_nonzero(tail))
        chance = stats.binomtest(count, values.size, stats.norm.sf(beyond)).pvalue
        assert chance > SMALLEST_P


def test_every_word_gives_a_finite_number_and_the_largest_is_6_76() -> None:
    edges = np.array([0, 1, 2, 2**24, 2**31, 2**32 - 2, 2**32 - 1], np.uint32)
    first, second, radius = np.empty((3, edges.size), np.float32)
    box_muller(edges, np.zeros(edges.size, np.int32), radius, first, second)
    assert np.isfinite(first).all()
    assert first[0] == pytest.approx(np.sqrt(66 * np.log(2)), rel=1e-6)
    np.testing.assert_array_equal(second, 0)


def test_the_transform_is_that_of_box_and_muller() -> None:
    generator = np.random.default_rng(3)
    words = generator.integers(0, 2**32, 100_001, np.uint32)
    angles = generator.integers(-(2**31), 2**31, words.size, np.int32)
    angles[:4] = [-(2**31), 2**31 - 1, 2**29, -(2**29)]
    first, radius = np.empty((2, words.size), np.float32)
    second = np.empty(words.size - 1, np.float32)
    box_muller(words, angles, radius, first, second)
    exact = np.sqrt(-2 * np.log((words + 0.5) / 2**32))
    turn = 2 * np.pi * angles / 2**32
    np.testing.assert_allclose(first, exact * np.cos(turn), atol=3e-4)
    np.testing.assert_allclose(second, (exact * np.sin(turn))[:-1], atol=3e-4)
    assert np.abs(first - exact * np.cos(turn)).mean() < 1e-6


@pytest.mark.parametrize("size", [0, 1, 2, 3, 16_383, 32_767, 32_768, 32_769, 100_001])
def test_every_cell_is_filled_and_no_other(size: int) -> None:
    around = np.full(size + 2, 99, np.float32)
    NoiseSource().normal(around[1:-1])
    assert around[0] == around[-1] == 99
    assert not np.any(around[1:-1] == 99)
    # Nothing repeats: with 2**32 radii a pair that is equal by chance is rare.
    assert size - np.unique(around[1:-1]).size <= max(8, size // 100)


def test_channels_windows_and_neighbours_are_independent() -> None:
    windows = drawn(4, 10, 128, 128)
    flat = windows.reshape(40, -1)
    correlation = np.corrcoef(flat) - np.eye(40)
    assert np.abs(correlation).max() * np.sqrt(flat.shape[1]) < 6.2  # 780 pairs
    # Both halves of a Box-Muller pair, neighbouring cells, and their sizes.
    values = windows.ravel()
    for lag in (1, 2, 1 << 14, 1 << 15):
        assert uncorrelated(values[:-lag], values[lag:])
        assert uncorrelated(np.abs(values[:-lag]), np.abs(values[lag:]))


def test_draws_sources_and_threads_are_independent() -> None:
    source = NoiseSource()
    draws = [np.empty(100_000, np.float32) for _ in range(8)]
    threads = [threading.Thread(target=source.normal, args=(out,)) for out in draws[:4]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    source.normal(draws[4])
    source.normal(draws[5])
    NoiseSource().normal(draws[6])
    NoiseSource().normal(draws[7])
    for i, a in enumerate(draws):
        assert stats.kstest(a, "norm").pvalue > SMALLEST_P
        for b in draws[:i]:
            assert uncorrelated(a, b)
            assert np.count_nonzero(a == b) < 100


def test_no_two_draws_are_equal() -> None:
    source = NoiseSource()
    seen = set()
    for _ in range(1000):
        out = np.empty(8, np.float32)
        source.normal(out)
        seen.add(out.tobytes())
    assert len(seen) == 1000


def test_a_forked_process_draws_other_noise() -> None:
    source = NoiseSource()
    source.normal(np.empty(16, np.float32))
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Python warns of forking a process with threads; nothing here holds a lock.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    out = np.empty(16, np.float32)
    if child == 0:
        try:
            source.normal(out)
            os.write(writer, out.tobytes())
        finally:
            os._exit(0)
    source.normal(out)
    os.waitpid(child, 0)
    theirs = np.frombuffer(os.read(reader, out.nbytes), np.float32)
    os.close(reader)
    os.close(writer)
    assert theirs.size == out.size
    assert not np.any(theirs == out)


@pytest.mark.parametrize("known_bytes", [16, 32])
def test_every_draw_takes_a_key_and_a_counter_from_the_system(
    monkeypatch: pytest.MonkeyPatch, known_bytes: int
) -> None:
    """Neither a known counter (16 bytes) nor a known key (32 bytes) alone repeats a draw."""
    real, asked = os.urandom, []

    def urandom(size: int) -> bytes:
        asked.append(size)
        return bytes(size) if size == known_bytes else real(size)

    monkeypatch.setattr(os, "urandom", urandom)
    source = NoiseSource()
    draws = [np.empty(16, np.float32) for _ in range(3)]
    for out in draws:
        source.normal(out)
    assert len({out.tobytes() for out in draws}) == 3
    assert sorted(asked) == [16] * 3 + [32] * 3


def test_there_is_no_seed_and_no_key_to_give_or_to_read() -> None:
    assert list(inspect.signature(NoiseSource).parameters) == []
    assert list(inspect.signature(NoiseSource.normal).parameters) == ["self", "out"]
    assert not hasattr(NoiseSource(), "__dict__")
    assert NoiseSource.__slots__ == ()
    names = [name.lower() for name in vars(noise)]
    assert not any("seed" in name or "random" in name for name in names)


def test_seeding_numpy_changes_nothing() -> None:
    np.random.seed(1)
    first = drawn(16)
    np.random.seed(1)
    assert not np.any(drawn(16) == first)


@pytest.mark.parametrize(
    "out",
    [
        np.empty(4, np.float64),
        np.empty((4, 4), np.float32).T[:, ::2],
        np.frombuffer(bytes(16), np.float32),
    ],
)
def test_an_array_that_cannot_be_filled_in_place_is_refused(out: NDArray[np.float32]) -> None:
    with pytest.raises(ValueError, match="writable, C-contiguous float32"):
        NoiseSource().normal(out)
