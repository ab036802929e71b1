"""The pixels of a dynamic vision sensor: intensity in, events out.

Each pixel follows the logarithm of its intensity through a first-order low-pass whose cutoff
falls in the dark, and compares it with the level it last told of; a change by its threshold
is one event, at the time where a straight line between two frames crosses it (ESIM, Rebecq
et al., CoRL 2018). Then the pixel rests for the refractory time and starts anew from what it
sees. Thresholds differ from pixel to pixel, the remembered level leaks (on events), shot
noise is strongest in the dark, a few pixels are hot (v2e, Hu et al., CVPRW 2021).
"""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from events.packet import EVENT, Packet, SensorSize
from training.simulator.scene import Scene

_LEAST_INTENSITY = 1e-6
#: Events between two frames are sorted by 16-bit offsets.
_LONGEST_STEP_US = 60_000


@dataclass(frozen=True)
class PixelParameters:
    """What a sensor's biases and its making set; thresholds are changes of log intensity."""

    threshold_on: float = 0.24
    threshold_off: float = 0.24
    #: Standard deviation of the thresholds over the pixels.
    threshold_mismatch: float = 0.03
    #: At least 1.
    refractory_us: float = 500.0
    #: Of the low-pass at intensity 1; half the light, about half of it.
    cutoff_hz: float = 300.0
    #: On events a pixel and second because the remembered level leaks.
    leak_hz: float = 0.05
    #: Noise events a pixel and second in the dark; a quarter of it at intensity 1.
    shot_noise_hz: float = 0.3
    hot_fraction: float = 2e-4
    hot_hz: float = 80.0


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _follow(  # type: ignore[no-untyped-def]
    intensity, log_intensity, before, after, told, ready_us, on, off, leak, cutoff, awake
):
    """Every pixel's level after a frame, and whether it has anything to tell."""
    for i in range(before.size):
        # Implicit Euler: stable however slow the frames are.
        gain = cutoff * (intensity[i] + np.float32(0.1))
        gain = gain / (np.float32(1) + gain)
        after[i] = before[i] + (log_intensity[i] - before[i]) * gain
        told[i] -= leak * on[i]
        awake[i] = (
            (after[i] >= told[i] + on[i]) | (after[i] <= told[i] - off[i]) | (ready_us[i] > 0)
        )


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _cross(  # type: ignore[no-untyped-def]
    before, after, told, ready_us, on, off, awake, step_us, refractory_us, offset, place, up
):
    """Write the pixels' events, one pixel after the other; returns how many."""
    n = 0
    last = step_us - np.float32(1)
    for i in range(before.size):
        if not awake[i]:
            continue
        if ready_us[i] >= step_us:
            ready_us[i] -= step_us
            continue
        slope = (after[i] - before[i]) / step_us
        now = ready_us[i]
        if now > 0:
            told[i] = before[i] + slope * now
            ready_us[i] = 0
        while True:
            rises = after[i] >= told[i] + on[i]
            if not rises and after[i] > told[i] - off[i]:
                break
            reached = told[i] + on[i] if rises else told[i] - off[i]
            missing = reached - (before[i] + slope * now)
            # Beyond the threshold already: the leak took it there.
            if (missing > 0) == rises and slope != 0:
                now += missing / slope
            offset[n] = np.uint16(min(now, last))
            place[n] = i
            up[n] = rises
            n += 1
            now += refractory_us
            if now >= step_us:
                ready_us[i] = now - step_us
                break
            told[i] = before[i] + slope * now
    return n


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _add_noise(  # type: ignore[no-untyped-def]
    chances, cumulative, intensity, step_us, n, offset, place, up
):
    """Write noise events behind the ``n`` others; returns how many there are now."""
    for chance in chances:
        i = np.searchsorted(cumulative, chance[0] * cumulative[-1], side="right")
        if chance[1] < 0.75 * min(intensity[i], 1.0):
            continue
        offset[n] = np.uint16(chance[2] * step_us)
        place[n] = i
        up[n] = chance[3] < 0.5
        n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _in_order(offset, place, up, start_us, step_us, width, words):  # type: ignore[no-untyped-def]
    """Sort by time (a counting sort) into the 64-bit words of a packet."""
    first = np.zeros(step_us + 1, np.int64)
    for us in offset:
        first[us + 1] += 1
    for us in range(step_us):
        first[us + 1] += first[us]
    for k in range(len(offset)):
        us = offset[k]
        at = 2 * first[us]
        first[us] += 1
        words[at] = start_us + us
        words[at + 1] = place[k] % width | (place[k] // width) << 16 | np.int64(up[k]) << 32


class DvsPixel:
    """A sensor of pixels, all at rest and used to the first frame they see.

    ``generator`` decides on mismatch, hot pixels and noise: the same generator state and
    frames give the same events.
    """

    def __init__(
        self, sensor: SensorSize, parameters: PixelParameters, generator: np.random.Generator
    ) -> None:
        self._sensor = sensor
        self._parameters = parameters
        self._generator = generator
        pixels = sensor.width * sensor.height
        self._on, self._off = (
            np.maximum(generator.normal(mean, parameters.threshold_mismatch, pixels), 0.3 * mean)
            .astype(np.float32)
            for mean in (parameters.threshold_on, parameters.threshold_off)
        )  # fmt: skip
        rate_hz = np.where(
            generator.random(pixels) < parameters.hot_fraction,
            parameters.hot_hz,
            parameters.shot_noise_hz,
        )
        self._noise_hz = np.cumsum(rate_hz)
        self._level: NDArray[np.float32] | None = None
        self._next = np.empty(pixels, np.float32)
        self._told = np.empty(pixels, np.float32)
        self._ready_us = np.zeros(pixels, np.float32)
        self._awake = np.empty(pixels, np.bool_)
        self._t_us = 0
        self._columns = self._room(0)

    def step(self, intensity: NDArray[np.float32], t_us: int) -> Packet:
        """Events after the previous frame and before ``t_us``, in time order.

        ``intensity`` is linear, float32 ``[H, W]``. The first frame gives no event. Raises
        ValueError unless time advances, by 60 ms at most.
        """
        flat = np.maximum(intensity.ravel(), np.float32(_LEAST_INTENSITY))
        log_intensity = np.log(flat)
        start_us, self._t_us = self._t_us, t_us
        if self._level is None:
            self._level, self._told = log_intensity, log_intensity.copy()
            return np.zeros(0, EVENT)
        step_us = t_us - start_us
        if not 0 < step_us <= _LONGEST_STEP_US:
            raise ValueError(f"a step of {step_us} us is not within 1..{_LONGEST_STEP_US} us")
        step_s, biases = step_us * 1e-6, self._parameters
        before, after = self._level, self._next
        _follow(
            flat, log_intensity, before, after, self._told, self._ready_us, self._on, self._off,
            np.float32(biases.leak_hz * step_s),
            np.float32(2 * np.pi * biases.cutoff_hz * step_s), self._awake,
        )  # fmt: skip
        self._level, self._next = after, before
        noise = self._generator.poisson(self._noise_hz[-1] * step_s)
        most = int(np.count_nonzero(self._awake)) * self._most_events(step_us) + noise
        if most > len(self._columns[0]):
            self._columns = self._room(most)
        n = _cross(
            before, after, self._told, self._ready_us, self._on, self._off, self._awake,
            np.float32(step_us), np.float32(biases.refractory_us), *self._columns,
        )  # fmt: skip
        chances = self._generator.random((noise, 4))
        n = _add_noise(chances, self._noise_hz, flat, step_us, n, *self._columns)
        words = np.empty(2 * n, np.int64)
        offset, place, up = (column[:n] for column in self._columns)
        _in_order(offset, place, up, start_us, step_us, self._sensor.width, words)
        return words.view(EVENT)

    def _most_events(self, step_us: int) -> int:
        """As many events as the refractory time lets a pixel have in ``step_us``."""
        return int(step_us / self._parameters.refractory_us) + 1

    @staticmethod
    def _room(events: int) -> tuple[NDArray[Any], ...]:
        """Columns for unsorted events: offset in microseconds, pixel, polarity."""
        return tuple(np.empty(events, kind) for kind in (np.uint16, np.int64, np.bool_))


@runtime_checkable
class Paced(Protocol):
    """A scene that knows how fast it moves."""

    def frame_us(self, t_us: int) -> int:
        """How long after the frame at ``t_us`` the next is due, in microseconds."""
        ...


def simulate(
    scene: Scene,
    duration_us: int,
    parameters: PixelParameters,
    generator: np.random.Generator,
    *,
    frame_us: int = 4_000,
) -> Packet:
    """What a sensor with ``parameters`` says of ``scene`` from 0 to ``duration_us``.

    A frame follows another after ``frame_us``, or when a :class:`Paced` scene says.
    """
    sensor = scene.sensor
    pixels = DvsPixel(sensor, parameters, generator)
    frame = np.empty((sensor.height, sensor.width), np.float32)
    parts = []
    paced = scene if isinstance(scene, Paced) else None
    t_us = 0
    while t_us < duration_us:
        scene.render(t_us, frame)
        parts.append(pixels.step(frame, t_us))
        t_us += paced.frame_us(t_us) if paced else frame_us
    scene.render(duration_us, frame)
    parts.append(pixels.step(frame, duration_us))
    return np.concatenate(parts)
