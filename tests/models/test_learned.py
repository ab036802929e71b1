"""What the README says of the learned models that come along, by their files alone."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.repository import Repository
from models.session import INPUTS, OUTPUT, start

STD, ENERGY, TILE = 4.0, 25.0, 4


@pytest.fixture(scope="module", params=[("anonynoise-gesture", 11), ("anonynoise-eye", 7)])
def learned(request: pytest.FixtureRequest) -> tuple[Any, int, NDArray[np.float32]]:
    """A session, how many patterns it knows, and windows for it."""
    name, patterns = request.param
    model = Repository().load(name)
    return start(model, "cpu", 1), patterns, windows(model.manifest.representation.channels)


def run(session: Any, events: NDArray[np.float32], noise: NDArray[np.float32]) -> Any:
    return session.run([OUTPUT], dict(zip(INPUTS, (events, noise), strict=True)))[0]


def windows(channels: int) -> NDArray[np.float32]:
    """From nothing to as much as there can be: noise, stripes and blots that move."""
    generator = np.random.default_rng(0)
    place = np.arange(128)
    shown = [np.zeros((channels, 128, 128)), np.full((channels, 128, 128), 65535.0)]
    for number in range(60):
        rate = np.full((channels, 128, 128), 10.0 ** generator.uniform(-3, 1))
        for channel, path in enumerate(generator.uniform(20, 108, (channels, 2))):
            blot = np.exp(-((place[:, None] - path[0]) ** 2 + (place - path[1]) ** 2) / 200)
            rate[channel] += 10 * blot if number % 2 else (np.sin(place / path[0]) > 0) * 5
        shown.append(generator.poisson(rate))
    return np.array(shown, np.float32)


def test_a_window_says_one_of_a_few_tiles_whatever_was_seen(
    learned: tuple[Any, int, NDArray[np.float32]],
) -> None:
    session, patterns, events = learned
    signal = run(session, events, np.zeros_like(events))
    tiles = signal[:, :, :TILE, :TILE]
    np.testing.assert_array_equal(signal, np.tile(tiles, (1, 1, 128 // TILE, 128 // TILE)))
    different: list[NDArray[np.float32]] = []
    for tile in tiles:
        if not any(np.allclose(tile, other, atol=1e-4) for other in different):
            different.append(tile)
    assert 1 < len(different) <= patterns
    energy = np.square(signal / STD, dtype=np.float64).sum(axis=(1, 2, 3))
    # The graph adds hundreds of thousands of squares up in single precision.
    assert energy.max() <= ENERGY * (1 + 1e-4)


def test_the_noise_is_added_to_that_and_knows_nothing(
    learned: tuple[Any, int, NDArray[np.float32]],
) -> None:
    session, _, events = learned
    events = events[:8]
    noise = np.random.default_rng(1).standard_normal(events.shape, np.float32)
    signal = run(session, events, np.zeros_like(events))
    np.testing.assert_allclose(run(session, events, noise) - signal, STD * noise, atol=1e-4)


def test_the_mean_tile_tells_what_was_decided(
    learned: tuple[Any, int, NDArray[np.float32]],
) -> None:
    """How the README says that a window is read: one tile's numbers, by the nearest pattern."""
    session, _, events = learned
    noise = np.random.default_rng(2).standard_normal(events.shape, np.float32)

    def read(window: NDArray[np.float32]) -> NDArray[np.float32]:
        return window.reshape(-1, 32, 4, 32, 4).mean(axis=(1, 3)).ravel()

    said = np.array([read(one) for one in run(session, events, np.zeros_like(events))])
    heard = np.array([read(one) for one in run(session, events, noise)])
    nearest = np.square(heard[:, None] - said).sum(axis=2).argmin(axis=1)
    right = np.isclose(said[nearest], said, atol=1e-4).all(axis=1)
    assert right.mean() > 0.9
