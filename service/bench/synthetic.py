"""Events for measurements, from a fixed seed: uniform noise, and edges that move.

Uniform noise is the hardest on caches and packs worst; edges are what a camera sees. No
production path draws from here.
"""

import numpy as np

from events.packet import Packet, SensorSize, packet

_SEED = 20
_EDGES = 6
#: Share of a real sensor's events that no edge explains.
_BACKGROUND = 0.05
_JITTER_PX = 1.0


def uniform_events(
    count: int, sensor: SensorSize, duration_us: int, *, seed: int = _SEED
) -> Packet:
    """``count`` events in ``[0, duration_us)``, anywhere on the sensor; the first at 0."""
    rng = np.random.default_rng(seed)
    return packet(
        _times(rng, count, duration_us),
        rng.integers(0, sensor.width, count),
        rng.integers(0, sensor.height, count),
        rng.integers(0, 2, count),
    )


def edge_events(count: int, sensor: SensorSize, duration_us: int) -> Packet:
    """``count`` events in ``[0, duration_us)`` of upright and level edges that sweep to and fro."""
    rng = np.random.default_rng(_SEED)
    t = _times(rng, count, duration_us)
    edge = rng.integers(0, _EDGES, count)
    period_us = rng.uniform(3e5, 9e5, _EDGES)[edge]
    phase = rng.uniform(0, 1, _EDGES)[edge]
    swing = np.abs((t / period_us + phase) % 1 * 2 - 1)
    rising = (t / period_us + phase) % 1 >= 0.5
    upright = edge % 2 == 0
    across = np.where(upright, sensor.width, sensor.height)
    along = np.where(upright, sensor.height, sensor.width)
    place = swing * across + rng.normal(0, _JITTER_PX, count)
    beside = (0.2 + 0.6 * rng.random(count)) * along
    x = np.where(upright, place, beside)
    y = np.where(upright, beside, place)
    stray = rng.random(count) < _BACKGROUND
    x[stray] = rng.uniform(0, sensor.width, stray.sum())
    y[stray] = rng.uniform(0, sensor.height, stray.sum())
    return packet(
        t,
        np.clip(x, 0, sensor.width - 1).astype(np.uint16),
        np.clip(y, 0, sensor.height - 1).astype(np.uint16),
        (rising ^ (edge % 3 == 0)) & ~stray,
    )


def _times(rng: np.random.Generator, count: int, duration_us: int) -> Packet:
    t = np.sort(rng.integers(0, duration_us, count))
    t[:1] = 0
    return t
