"""Noise stream: is the noise as unpredictable as it must be?

The adversary subscribes to published windows of a camera whose picture he knows: an empty one,
and one that shows the same thing over and over (he owns such a camera, or the lens cap is on). What
differs from window to window there is the noise alone. He looks for noise that comes back (equal
windows; an equal run of signs at any place of any two windows; after a restart of the service; in
a forked process), for noise that follows from what came before (serial correlation), and tries
seeds of the usual generators: small ones, and the times at which the service may have started.
Success is any noise known in advance: he subtracts it and has the window. Whether its
distribution is the manifest's he asks, too (Kolmogorov-Smirnov), which by itself breaks nothing.
"""

import hashlib
import math
import multiprocessing
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue
from scipy import stats  # type: ignore[import-untyped]

from models.anonymizer import Anonymizer
from models.session import Device
from training.audit.case import Case
from training.audit.deployed import Deployed
from training.audit.findings import Finding
from training.config import Config
from training.seeds import numpy_generator
from training.stages.cover import Cover
from training.stages.recogniser import scaled

NAME = "noise-stream"

#: Windows covered at a time.
_BATCH = 16
#: Signs that make a run: two of independent noise agree once in 2**64.
_RUN = 64
#: Windows whose runs are compared at every place, besides those of a restart and a fork.
_COMPARED = 48
#: Cells that the distribution is looked at in: more would see the grid of published values.
_CELLS = 20_000
#: Windows after a restart, and in a forked process and beside it.
_AFTER = 2
#: Noise that one seed is recognised by, and how much of it a first look takes.
_KNOWN, _GLANCE = 1024, 48
#: Correlation with a candidate's noise: at a glance, and to be sure (more than 15 deviations).
_LIKELY, _SURE = 0.45, 0.5
#: Small seeds, and milliseconds back from now, for each of the suite's windows.
_SEEDS = 64
#: Seconds back from now that a seed is taken from.
_HOUR_S = 3600
#: P-value of a correlation between windows that no noise has by accident.
_PREDICTED = 1e-9
#: Correlation of neighbours below which their signs are as good as independent.
_INDEPENDENT = 0.05
_FORK_S = 120.0


def attack(case: Case) -> Finding:
    """All tests on both pictures."""
    windows = case.effort.noise_windows
    test = case.dataset.test.windows
    busiest = int(np.argmax([int(window.sum()) for window in test[:windows]]))
    pictures = {
        "empty": np.zeros(test.shape[1:], np.uint8),
        "repeated": np.array(test[busiest]),
    }
    generator = numpy_generator(case.seed, NAME)
    seeds = candidates(windows * _SEEDS)
    details: dict[str, JsonValue] = {"seeds_tried": len(_GENERATORS) * len(seeds)}
    p_values: dict[str, float] = {}
    broken: list[str] = []
    for name, picture in pictures.items():
        camera, again = (_Camera(_restarted(case.cover), picture, case.config) for _ in range(2))
        found = _examined(camera, again, windows, generator)
        details |= {f"{name}_{key}": value for key, value in found.details.items()}
        p_values |= {f"{name}_{key}": value for key, value in found.p_values.items()}
        problems = found.problems
        # A service begins once: what a seed gave it is in the first window that it published.
        if name == "empty" and found.first is not None:
            named = seed_of(found.first, seeds)
            problems += [f"is that of {named}"] if named else []
        broken += [f"{name} windows: the noise {problem}" for problem in problems]
    for key, value in holm(p_values).items():
        details[f"p_{key}"] = value
        if key.endswith("between_windows") and value < _PREDICTED:
            broken.append(f"{key.split('_')[0]} windows: the noise follows from the one before")
    # Last: before it, the windows that a seed would be known by had gone by.
    if broken and _says_nothing(case, pictures.values()):
        note = "every window is the same, whatever the camera sees"
        return Finding(attack=NAME, cover=case.kind, seed=case.seed, details=details, note=note)
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        details=details,
        broken=bool(broken),
        note="; ".join(broken),
    )


def _says_nothing(case: Case, pictures: Iterable[NDArray[np.uint8]]) -> bool:
    """Whether different pictures, covered more than once, all give the same window."""
    seen = [_Camera(case.cover, picture, case.config).publish(_AFTER) for picture in pictures]
    published = np.concatenate(seen)
    return (
        len(published) > 0
        and all(len(some) for some in seen)
        and bool((published == published[0]).all())
    )


def _restarted(cover: Cover) -> Cover:
    """As the service is after a restart; a cover that is no deployed model stays as it is."""
    if not isinstance(cover, Deployed):
        return cover.cpu()
    old = cover.anonymizer
    device: Device = "cuda" if old.device == "cuda" else "cpu"
    return Deployed(Anonymizer(old.model, device=device, threads=1))


class _Camera:
    """A service with a camera that always shows the same."""

    def __init__(self, cover: Cover, picture: NDArray[np.uint8], config: Config) -> None:
        self._cover = cover
        self._raw = scaled(torch.from_numpy(picture), config)
        self.cells = picture.size

    def publish(self, windows: int) -> NDArray[np.float32]:
        """What of so many windows is published, float32 ``[n, cells]``."""
        raw = self._raw.expand(windows, *self._raw.shape).contiguous()
        covered: NDArray[np.float32] = self._cover(raw).float().numpy().reshape(windows, -1)
        if isinstance(self._cover, Deployed):
            # What the service drops is published nowhere; here it is all zeros.
            covered = covered[covered.any(axis=1)]
        return covered

    def draw_ahead(self) -> None:
        """What the service does while nothing is to be covered."""
        if isinstance(self._cover, Deployed):
            self._cover.anonymizer.draw_ahead()


@dataclass(frozen=True)
class _Moments:
    """Mean and standard deviation of every cell, float64 ``[cells]``, of so many windows."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    windows: int

    def noise(self, published: NDArray[np.float32]) -> NDArray[np.float64]:
        """What of other windows ``[n, cells]`` is noise, in standard deviations."""
        spread = np.where(self.spread > 0, self.spread, np.inf)
        noise: NDArray[np.float64] = (published - self.mean) / spread
        return noise


@dataclass
class _Found:
    #: The noise of the first window, ``[cells]``.
    first: NDArray[np.float64] | None = None
    details: dict[str, JsonValue] = field(default_factory=dict)
    p_values: dict[str, float] = field(default_factory=dict)
    #: What is wrong with the noise, as the end of a sentence.
    problems: list[str] = field(default_factory=list)


def _examined(
    camera: _Camera, again: _Camera, windows: int, generator: np.random.Generator
) -> _Found:
    """One picture's noise, in twice so many windows; ``again`` is the same after a restart."""
    found = _Found()
    digests: list[bytes] = []

    def seen(published: NDArray[np.float32]) -> NDArray[np.float32]:
        digests.extend(hashlib.sha256(window.tobytes()).digest() for window in published)
        return published

    first = seen(camera.publish(1))
    learned = _moments(seen(batch) for batch in _batches(camera, windows))
    if learned is None:
        found.details["published"] = 0
        return found
    cells = np.flatnonzero(learned.spread > 0)
    if not len(cells):
        found.problems.append("is none at all")
        return found
    found.details["deviation"] = round(float(np.sqrt((learned.spread[cells] ** 2).mean())), 4)
    signs = [learned.noise(first)[:, cells] > 0]
    serial = _Serial(cells, windows, generator)
    for batch in _batches(camera, windows):
        noise = learned.noise(seen(batch))[:, cells]
        serial.add(noise)
        if sum(map(len, signs)) < _COMPARED:
            signs.append(noise > 0)
    found.p_values |= serial.p_values(learned.windows)

    # The one that was started again, as it has no threads that would not live on in a child.
    later = [again.publish(_AFTER), _forked(again), again.publish(_AFTER)]
    found.details["forked"] = later[1] is not None
    for published in later:
        if published is not None:
            signs.append(learned.noise(seen(published))[:, cells] > 0)
    found.details["published"] = len(digests)
    if len(set(digests)) < len(digests):
        found.problems.append("of a window came twice")
    elif abs(serial.correlation) < _INDEPENDENT and repeated_run(np.concatenate(signs)):
        # Where a network makes neighbours alike, runs of them are no rarity.
        found.problems.append("of a part of a window came twice")
    found.first = learned.noise(first)[0, cells] if len(first) else None
    return found


class _Serial:
    """Sums of products of noise, and a value of some cells, as windows come by."""

    def __init__(
        self, cells: NDArray[np.int64], windows: int, generator: np.random.Generator
    ) -> None:
        most = min(_CELLS, len(cells))
        #: One value a cell: those of one cell share the error of its mean.
        self._places = np.sort(generator.choice(len(cells), most, replace=False))
        self._window = generator.integers(windows, size=most)
        self._values: list[NDArray[np.float64]] = []
        self._last: NDArray[np.float64] | None = None
        self._count = 0
        #: Sum of products, sum of their squares, how many.
        self._within = np.zeros(3)
        self._between = np.zeros(3)

    @property
    def correlation(self) -> float:
        """Of neighbouring cells."""
        return float(self._within[0] / max(self._within[2], 1))

    def add(self, noise: NDArray[np.float64]) -> None:
        """The next windows ``[n, cells]``."""
        for window in noise:
            self._values.append(window[self._places[self._window == self._count]])
            self._within += _products(window[:-1], window[1:])
            if self._last is not None:
                self._between += _products(self._last, window)
            self._last = window
            self._count += 1

    def p_values(self, learned: int) -> dict[str, float]:
        """Two-sided, of three tests, where mean and deviation are of ``learned`` windows."""
        values = np.concatenate(self._values) if self._values else np.zeros(0)
        if not len(values) or learned < 4:
            return {}
        # Of other windows than the value is of, so this is Student's t and no guess.
        student = values / math.sqrt(1 + 1 / learned)
        # Two windows of a cell share the error of its mean.
        shared = (learned - 1) / (learned - 3) / learned * self._between[2]
        return {
            "distribution": float(stats.kstest(student, "t", (learned - 1,)).pvalue),
            "within_windows": _normal_p(self._within[0], self._within[1]),
            "between_windows": _normal_p(
                self._between[0] - shared, self._between[1] * (1 + 6 / learned)
            ),
        }


def _products(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    products = one * other
    return np.array([products.sum(), (products**2).sum(), len(products)])


def _normal_p(total: float, variance: float) -> float:
    return float(2 * stats.norm.sf(abs(total) / math.sqrt(variance))) if variance else 1.0


def _batches(camera: _Camera, windows: int) -> Iterator[NDArray[np.float32]]:
    for at in range(0, windows, _BATCH):
        yield camera.publish(min(_BATCH, windows - at))


def _moments(batches: Iterable[NDArray[np.float32]]) -> _Moments | None:
    """None for fewer than two windows."""
    origin, total, squares, count = 0.0, np.zeros(0), np.zeros(0), 0
    for batch in batches:
        if not len(batch):
            continue
        if not count:
            # Around the first window: large values would swallow small differences.
            origin = batch[0].astype(np.float64)
            total, squares = np.zeros_like(origin), np.zeros_like(origin)
        apart = batch - origin
        total += apart.sum(axis=0)
        squares += (apart**2).sum(axis=0)
        count += len(batch)
    if count < 2:
        return None
    variance = np.maximum((squares - total**2 / count) / (count - 1), 0)
    return _Moments(origin + total / count, np.sqrt(variance), count)


def holm(p_values: dict[str, float]) -> dict[str, float]:
    """The p-values adjusted for their number (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    adjusted: dict[str, float] = {}
    reached = 0.0
    for place, (name, value) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        reached = max(reached, min(1.0, value * (len(p_values) - place)))
        adjusted[name] = reached
    return {name: adjusted[name] for name in p_values}


def repeated_run(signs: NDArray[np.bool_]) -> bool:
    """Whether 64 signs in a row come twice in ``signs`` ``[n, cells]``, at whatever places."""
    if signs.shape[1] < _RUN:
        return False
    runs = np.zeros((len(signs), signs.shape[1] - _RUN + 1), np.uint64)
    for bit in range(_RUN):
        runs |= signs[:, bit : bit + runs.shape[1]].astype(np.uint64) << np.uint64(bit)
    flat = runs.reshape(-1)
    flat.sort()
    return bool((flat[1:] == flat[:-1]).any())


def _forked(camera: _Camera) -> NDArray[np.float32] | None:
    """What a forked process publishes next; None where none can be had."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    # What lies ready must not be handed out on both sides.
    camera.publish(_AFTER)
    camera.draw_ahead()
    process = context.Process(target=_send, args=(camera, sender))
    process.start()
    sender.close()
    try:
        # A device or a thread pool may not live on in a child: then it ends, or hangs.
        sent = receiver.recv_bytes() if receiver.poll(_FORK_S) else b""
    except EOFError:
        sent = b""
    finally:
        process.kill()
        process.join()
        receiver.close()
    return np.frombuffer(sent, np.float32).reshape(-1, camera.cells) if sent else None


def _send(camera: _Camera, sender: Connection) -> None:
    torch.set_num_threads(1)
    sender.send_bytes(camera.publish(_AFTER).tobytes())


def _numpy(seed: int, size: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal(size)


def _numpy_single(seed: int, size: int) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).standard_normal(size, np.float32)
    return drawn.astype(np.float64)


def _numpy_legacy(seed: int, size: int) -> NDArray[np.float64]:
    return np.random.RandomState(seed % 2**32).standard_normal(size)


def _python(seed: int, size: int) -> NDArray[np.float64]:
    drawn = random.Random(seed)
    return np.array([drawn.gauss(0, 1) for _ in range(size)])


def _torch(seed: int, size: int) -> NDArray[np.float64]:
    # From 16 on, values do not depend on how many are drawn.
    drawn = torch.randn(max(size, 16), generator=torch.Generator().manual_seed(seed))
    return drawn[:size].double().numpy()


#: Standard normals of the usual generators, from a seed and how many.
_GENERATORS: dict[str, Callable[[int, int], NDArray[np.float64]]] = {
    "numpy.random.default_rng": _numpy,
    "numpy.random.default_rng (float32)": _numpy_single,
    "numpy.random.RandomState": _numpy_legacy,
    "random.Random": _python,
    "torch.manual_seed": _torch,
}


def candidates(seeds: int) -> list[int]:
    """``seeds`` small ones, the seconds of the last hour, and ``seeds`` milliseconds until now."""
    now_s = time.time()
    second, millisecond = int(now_s), int(now_s * 1000)
    return [
        *range(seeds),
        *range(second - _HOUR_S, second + 1),
        *range(millisecond - seeds, millisecond + 1),
    ]


def seed_of(noise: NDArray[np.float64], seeds: Sequence[int]) -> str | None:
    """The generator and seed that ``noise`` ``[cells]`` begins with, if it is one of ``seeds``."""
    known = noise[:_KNOWN]
    for name, normals in _GENERATORS.items():
        for seed in seeds:
            glance = normals(seed, min(_GLANCE, len(known)))
            if _correlation(glance, known[: len(glance)]) < _LIKELY:
                continue
            if _correlation(normals(seed, len(known)), known) > _SURE:
                return f"{name}({seed})"
    return None


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(one @ other / max(math.sqrt(float(one @ one) * float(other @ other)), 1e-300))
