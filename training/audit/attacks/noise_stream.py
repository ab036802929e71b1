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
import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue

from models.anonymizer import Anonymizer
from models.session import Device
from training.audit.case import Case
from training.audit.deployed import Deployed
from training.audit.findings import Finding
from training.audit.guessed_seed import GENERATORS, candidates, seed_of
from training.audit.noise_statistics import Serial, holm, moments, repeated_run
from training.config import Config
from training.errors import TrainingError
from training.seeds import numpy_generator
from training.stages.cover import Cover
from training.stages.recogniser import scaled

NAME = "noise-stream"

#: Windows covered at a time.
_BATCH = 16
#: Windows whose runs are compared at every place, besides those of a restart and a fork.
_COMPARED = 48
#: Windows after a restart, and in a forked process and beside it.
_AFTER = 2
#: Small seeds, and milliseconds back from now, for each of the suite's windows.
_SEEDS = 64
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
    details: dict[str, JsonValue] = {"seeds_tried": len(GENERATORS) * len(seeds)}
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
    if all(details.get(f"{name}_published") == 0 for name in pictures):
        raise TrainingError("nothing of either picture was published", field="noise")
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
    learned = moments(seen(batch) for batch in _batches(camera, windows))
    if learned is None:
        found.details["published"] = 0
        return found
    cells = np.flatnonzero(learned.spread > 0)
    if not len(cells):
        found.problems.append("is none at all")
        return found
    found.details["deviation"] = round(float(np.sqrt((learned.spread[cells] ** 2).mean())), 4)
    signs = [learned.noise(first)[:, cells] > 0]
    serial = Serial(cells, windows, generator)
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


def _batches(camera: _Camera, windows: int) -> Iterator[NDArray[np.float32]]:
    for at in range(0, windows, _BATCH):
        yield camera.publish(min(_BATCH, windows - at))


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
