"""One window through the anonymizer, checks and noise included, in milliseconds."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from models.anonymizer import load_anonymizer
from models.noise import NoiseSource
from models.repository import BASELINE_MODEL
from models.session import OUTPUT, open_session
from service.bench.race import race
from service.bench.result import BenchError, Effort, Result, Say

_SIZES = ((128, 128), (480, 640))
_MEAN_COUNT = 0.3


def measure(effort: Effort, say: Say) -> Iterator[Result]:
    """Yield a result a window size, for the baseline on the device it takes by default."""
    # One thread, so that the two sessions do not disturb each other.
    anonymizer = load_anonymizer(BASELINE_MODEL, threads=1)
    model = anonymizer.model
    bare = open_session(model, "auto", 1)
    channels = model.manifest.channels
    rng = np.random.default_rng(1)
    for height, width in _SIZES:
        say(f"anonymizer {width}x{height}")
        windows = rng.poisson(_MEAN_COUNT, (1, channels, height, width)).astype(np.uint16)
        padded = model.manifest.representation.padded(height, width)
        events = np.zeros((1, channels, *padded), np.float32)
        noise = np.empty_like(events)
        NoiseSource().normal(noise)
        inputs = {"events": events, "noise": noise}
        if not hasattr(anonymizer.anonymize(windows)[0], "tensor"):
            raise BenchError(f"model {model.manifest.name} rejected a window of uniform events")
        timed = race(
            partial(anonymizer.anonymize, windows),
            partial(bare.run, [OUTPUT], inputs),
            budget_s=effort.choose(30, 1) / 10,
        )
        yield Result(
            family="anonymizer",
            name=f"anonymizer {model.manifest.name}, {channels}x{height}x{width}",
            value=1e3 * timed.best_s,
            unit="ms",
            floor=1e3 * timed.best_floor_s,
            floor_of="the bare ONNX Runtime session",
            note=f"on {anonymizer.device}, one thread; noise and verdict included",
            details={"provider": anonymizer.provider, **timed.details()},
        )
