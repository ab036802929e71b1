"""One window through the anonymizer, checks and noise included, in milliseconds."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from models.anonymizer import load_anonymizer
from models.noise import NoiseSource
from models.repository import BASELINE_MODEL, DEFAULT_MODEL
from models.session import OUTPUT, open_session
from service.bench.race import race
from service.bench.result import BenchError, Effort, Result, Say

#: Models, each with the heights and widths of its windows.
_MODELS = {DEFAULT_MODEL: ((128, 128),), BASELINE_MODEL: ((128, 128), (480, 640))}
_MEAN_COUNT = 0.3


def measure(effort: Effort, say: Say) -> Iterator[Result]:
    """Yield a result a model and window size, on the device that it takes by default."""
    for name, sizes in _MODELS.items():
        yield from _measure_model(name, sizes, effort, say)


def _measure_model(
    name: str, sizes: tuple[tuple[int, int], ...], effort: Effort, say: Say
) -> Iterator[Result]:
    # One thread, so that the two sessions do not disturb each other.
    anonymizer = load_anonymizer(name, threads=1)
    model = anonymizer.model
    bare = open_session(model, "auto", 1)
    channels = model.manifest.channels
    rng = np.random.default_rng(1)
    for height, width in sizes:
        say(f"anonymizer {name}, {width}x{height}")
        windows = rng.poisson(_MEAN_COUNT, (1, channels, height, width)).astype(np.uint16)
        padded = model.manifest.representation.padded(height, width)
        events = np.zeros((1, channels, *padded), np.float32)
        noise = np.empty_like(events)
        NoiseSource().normal(noise)
        inputs = {"events": events, "noise": noise}
        if not hasattr(anonymizer.anonymize(windows)[0], "tensor"):
            raise BenchError(f"model {name} rejected a window of uniform events")
        timed = race(
            partial(anonymizer.anonymize, windows),
            partial(bare.run, [OUTPUT], inputs),
            budget_s=effort.choose(30, 1) / 10,
        )
        yield Result(
            family="anonymizer",
            name=f"anonymizer {name}, {channels}x{height}x{width}",
            value=1e3 * timed.best_s,
            unit="ms",
            floor=1e3 * timed.best_floor_s,
            floor_of="the bare ONNX Runtime session",
            note=f"on {anonymizer.device}, one thread; noise and verdict included",
            details={"provider": anonymizer.provider, **timed.details()},
        )
