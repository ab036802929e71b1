"""A synthetic recording: what an event camera might say of a person who waves.

Nobody was recorded. A figure of capsules (head, torso, two arms) moves through a few
gestures before a camera of 128x128 pixels; a pixel model turns the changing brightness into
events: each time a pixel's log intensity has changed by its threshold, one event, at the
time between two frames where a straight line crosses it (as ESIM, Rebecq et al., CoRL 2018).

``python -m events.stand_in OUT.aedat4`` writes it; the same bytes of time, place and polarity
every time.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from events.aedat4 import write_aedat4
from events.dv_compression import Compression
from events.packet import Packet, SensorSize, packet

SENSOR = SensorSize(128, 128)
_SEED = 20
_FRAMES = 6_000
_FRAME_US = 1_000
_BLOCK = 50
#: Change of log intensity that makes an event; each pixel's own lies within 15 % of it.
_THRESHOLD = 0.28
_NOISE_EVENTS = 6_000
#: Log intensity of torso, neck, head, and of each arm's two parts.
_BRIGHTNESS = (-0.9, 1.0, 1.1, -0.7, 1.0, -0.7, 1.0)

_Figure = NDArray[np.float64]


def _smooth(t_s: NDArray[np.float64], start_s: float, stop_s: float) -> NDArray[np.float64]:
    """0 before ``start_s``, 1 after ``stop_s``, no corner between."""
    u = np.clip((t_s - start_s) / (stop_s - start_s), 0, 1)
    return u * u * (3 - 2 * u)


def _during(t_s: NDArray[np.float64], start_s: float, stop_s: float) -> NDArray[np.float64]:
    """1 from ``start_s`` to ``stop_s``, with 0.35 s to get there and back."""
    return _smooth(t_s, start_s, start_s + 0.35) - _smooth(t_s, stop_s - 0.35, stop_s)


def _figure(t_s: NDArray[np.float64]) -> _Figure:
    """Capsules ``[frames, capsules, (x0, y0, x1, y1, radius)]`` in pixels, back to front."""
    wave_right = _during(t_s, 0.2, 2.4)
    wave_left = _during(t_s, 2.2, 4.2)
    cheer = _during(t_s, 4.0, 5.9)
    sway = 1.5 * np.sin(2 * np.pi * 0.45 * t_s)
    nod = 1.2 * np.sin(2 * np.pi * 0.9 * t_s + 0.6)

    def arm(side: int, raised: NDArray[np.float64], beat_hz: float) -> list[_Figure]:
        shoulder = np.stack([64 + side * 19 + sway, 62 + 0.3 * nod], -1)
        # Angles from straight down, outwards; a raised arm points up with the forearm waving.
        swing = np.sin(2 * np.pi * beat_hz * t_s)
        upper = 0.22 + 1.45 * raised + 0.05 * np.sin(2 * np.pi * 0.45 * t_s)
        fore = upper - 0.12 + raised * (1.25 + 0.5 * swing) + cheer * 0.2 * swing
        elbow = shoulder + 23 * np.stack([side * np.sin(upper), np.cos(upper)], -1)
        hand = elbow + 21 * np.stack([side * np.sin(fore), np.cos(fore)], -1)
        return [_capsule(shoulder, elbow, 6.0), _capsule(elbow, hand, 4.6)]

    neck = np.stack([64 + 1.4 * sway, 44 + 0.6 * nod], -1)
    head = np.stack([64 + 1.9 * sway, 29 + nod], -1)
    hips = np.stack([64 + 0.5 * sway, np.full_like(t_s, 122.0)], -1)
    chest = np.stack([64 + sway, 68 + 0.3 * nod], -1)
    capsules = np.stack(
        [
            _capsule(chest, hips, 19.0),
            _capsule(neck, neck + np.array([0, 6]), 6.0),
            _capsule(head - np.array([0, 3]), head + np.array([0, 5]), 11.0),
            *arm(-1, np.maximum(wave_right, cheer), 1.9),
            *arm(1, np.maximum(wave_left, cheer), 2.2),
        ],
        axis=1,
    )
    # Sines differ in their last bit from machine to machine; a grid of 1/1024 pixel does not.
    on_grid: _Figure = np.rint(capsules * 1024) / 1024
    return on_grid


def _capsule(start: NDArray[np.float64], end: NDArray[np.float64], radius: float) -> _Figure:
    return np.concatenate([start, end, np.full((len(start), 1), radius)], axis=-1)


def _render(figure: _Figure, background: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log intensity ``[frames, H, W]``: capsules drawn over each other, edges one pixel soft.

    Only sums, products, quotients and square roots, which every machine rounds alike.
    """
    frames = np.repeat(background[None], len(figure), axis=0)
    for capsule, brightness in enumerate(_BRIGHTNESS):
        x0, y0, x1, y1, radius = (
            part[:, None, None] for part in figure[:, capsule].astype(np.float32).T
        )
        reach = float(radius.max()) + 1
        left = max(0, int(min(x0.min(), x1.min()) - reach))
        right = min(SENSOR.width, int(max(x0.max(), x1.max()) + reach) + 1)
        top = max(0, int(min(y0.min(), y1.min()) - reach))
        bottom = min(SENSOR.height, int(max(y0.max(), y1.max()) + reach) + 1)
        x = np.arange(left, right, dtype=np.float32)[None, None, :] - x0
        y = np.arange(top, bottom, dtype=np.float32)[None, :, None] - y0
        along_x, along_y = x1 - x0, y1 - y0
        length2 = np.maximum(along_x * along_x + along_y * along_y, np.float32(1e-3))
        along = np.clip((x * along_x + y * along_y) / length2, 0, 1)
        away_x, away_y = x - along * along_x, y - along * along_y
        cover = np.clip(radius + 0.5 - np.sqrt(away_x * away_x + away_y * away_y), 0, 1)
        part = frames[:, top:bottom, left:right]
        part += cover * (np.float32(brightness) - part)
    return frames


class _Pixels:
    """The sensor: what every pixel last told of, and by how much it must change to tell more."""

    def __init__(self, first: NDArray[np.float32], threshold: NDArray[np.float32]) -> None:
        self._level = first.ravel()
        self._told = first.ravel().copy()
        self._threshold = threshold.ravel()

    def see(self, frame: NDArray[np.float32], t_us: int) -> Packet:
        """Events between the last frame and this one, at ``t_us``, sorted by time."""
        level = frame.ravel()
        # The second condition keeps out what rounding alone would bring over the threshold.
        changed = np.flatnonzero(
            (np.abs(level - self._told) >= self._threshold) & (level != self._level)
        )
        before, after = self._level[changed], level[changed]
        threshold = self._threshold[changed]
        sign = np.sign(after - self._told[changed])
        crossings = ((after - self._told[changed]) * sign / threshold).astype(np.int64)
        which = np.repeat(np.arange(len(changed)), crossings)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(crossings) - crossings, crossings) + 1
        crossed = self._told[changed][which] + (sign * threshold)[which] * nth.astype(np.float32)
        late = np.clip((crossed - before[which]) / (after - before)[which], 0, 1)
        times = t_us - _FRAME_US + np.minimum(late * _FRAME_US, _FRAME_US - 1).astype(np.int64)
        self._told[changed] += sign * threshold * crossings.astype(np.float32)
        self._level = level
        place = changed[which]
        events = packet(times, place % SENSOR.width, place // SENSOR.width, sign[which] > 0)
        return events[np.argsort(times, kind="stable")]


def _noise(random: np.random.RandomState) -> Packet:
    """Events of pixels that saw nothing, evenly over time and sensor, sorted by time."""
    times = np.sort(random.randint(0, _FRAMES * _FRAME_US, _NOISE_EVENTS))
    return packet(
        times,
        random.randint(0, SENSOR.width, _NOISE_EVENTS),
        random.randint(0, SENSOR.height, _NOISE_EVENTS),
        random.randint(0, 2, _NOISE_EVENTS),
    )


def stand_in() -> Iterator[Packet]:
    """The recording's packets, 50 ms each, times from 0."""
    # RandomState and not a Generator: its streams are frozen for all versions of numpy.
    random = np.random.RandomState(_SEED)
    noise = _noise(random)
    shape = SENSOR.height, SENSOR.width
    threshold = (_THRESHOLD * (0.85 + 0.3 * random.random_sample(shape))).astype(np.float32)
    background = (0.3 * np.arange(SENSOR.width)[None] / SENSOR.width).astype(np.float32)
    background = np.repeat(background, SENSOR.height, axis=0)
    figure = _figure(np.arange(_FRAMES + 1) * np.float64(_FRAME_US / 1e6))
    pixels = _Pixels(_render(figure[:1], background)[0], threshold)
    for first in range(1, _FRAMES + 1, _BLOCK):
        frames = _render(figure[first : first + _BLOCK], background)
        parts = [pixels.see(frame, (first + k) * _FRAME_US) for k, frame in enumerate(frames)]
        from_us, to_us = (first - 1) * _FRAME_US, (first - 1 + _BLOCK) * _FRAME_US
        start, stop = np.searchsorted(noise["t"], [from_us, to_us])
        columns = [
            np.concatenate([part[name] for part in (*parts, noise[start:stop])]) for name in "txyp"
        ]
        order = np.argsort(columns[0], kind="stable")
        yield packet(*(column[order] for column in columns))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m events.stand_in OUT.aedat4")
    write_aedat4(
        Path(sys.argv[1]),
        stand_in(),
        SENSOR,
        compression=Compression.ZSTD_HIGH,
        source="Synthetic_1",
    )
