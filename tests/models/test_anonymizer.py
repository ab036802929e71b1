"""Privacy invariant 1, fail closed, window by window; and what is published otherwise."""

import threading
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto

from models.errors import ModelError
from models.gaussian import gaussian
from models.noise import NoiseSource
from models.verdict import Anonymized
from tests.models.onnx_models import constant, node, noisy, onnx_bytes, trusted
from tests.models.verdicts import causes, counts, opened, tensors

ADD = node("Add", ["events", "noise"], ["anonymized"])


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("size", [(64, 64), (33, 47)])
def test_the_baseline_adds_noise_of_its_std(dtype: Any, size: tuple[int, int]) -> None:
    histograms = counts(8, 10, *size)
    change = tensors(opened(gaussian(4)).anonymize(histograms.astype(dtype))) - histograms
    n = change.size
    assert abs(change.mean()) < 5.33 * 4 / np.sqrt(n)
    assert abs(change.std() / 4 - 1) < 5.33 / np.sqrt(2 * n)


def test_published_values_lie_on_the_grid() -> None:
    published = tensors(opened(gaussian(4)).anonymize(counts(2, 10))) * 256
    np.testing.assert_array_equal(published, np.rint(published))


def test_scaling_and_noise_scale_come_from_the_manifest() -> None:
    model = trusted(
        onnx_bytes([ADD]),
        representation={"scaling": 0.25},
        noise={"scale": 32.0},
    )
    histograms = np.full((1, 4, 256, 256), 400, np.uint16)
    published = tensors(opened(model).anonymize(histograms))
    assert published.mean() == pytest.approx(100, abs=5.33 * 32 / 512)
    assert published.std() == pytest.approx(32, rel=0.01)


@pytest.mark.parametrize(("axis", "size"), [(2, (50, 61)), (3, (61, 50))])
def test_windows_are_padded_with_zeros_and_cropped(axis: int, size: tuple[int, int]) -> None:
    """The graph publishes the padded length of ``axis`` and shouts if its end is not zero."""
    nodes = [
        node("Shape", ["events"], ["shape"], start=axis, end=axis + 1),
        node("Cast", ["shape"], ["length"], to=TensorProto.FLOAT),
        node("Slice", ["events", "from", "to", "axis"], ["end"]),
        node("ReduceSum", ["end", "axes"], ["padding"], keepdims=1),
        node("Mul", ["noise", "std"], ["s"]),
        node("Add", ["s", "length"], ["high"]),
        node("Mul", ["padding", "million"], ["seen"]),
        node("Add", ["high", "seen"], ["anonymized"]),
    ]
    numbers = [
        constant("from", [50], np.int64),
        constant("to", [64], np.int64),
        constant("axis", [axis], np.int64),
        constant("axes", [1, 2, 3], np.int64),
        constant("std", 4),
        constant("million", 1e6),
    ]
    model = trusted(onnx_bytes(nodes, numbers), representation={"multiple_of": 16})
    anonymizer = opened(model)
    full = np.full((1, 4, 64, 64), 9, np.uint16)
    assert tensors(anonymizer.anonymize(full)).mean() > 60_000
    # The memory that held 9 is used again: the padding must be zero all the same.
    published = tensors(anonymizer.anonymize(full[:, :, : size[0], : size[1]]))
    assert published.shape == (1, 4, *size)
    assert published.mean() == pytest.approx(64, abs=1)


def test_results_outlive_the_next_call() -> None:
    anonymizer = opened(noisy())
    first = tensors(anonymizer.anonymize(counts()))[0]
    (kept,) = anonymizer.anonymize(counts())
    assert isinstance(kept, Anonymized)
    before = kept.tensor.copy()
    anonymizer.anonymize(counts())
    np.testing.assert_array_equal(kept.tensor, before)
    assert not np.array_equal(first, before)


def test_no_window_gives_no_verdict() -> None:
    assert opened(noisy()).anonymize(counts(0)) == []


def test_an_inference_error_rejects_the_whole_batch() -> None:
    """The graph gathers windows by their busiest count, and none has that number."""
    nodes = [
        node("ReduceMax", ["events"], ["most"], axes=[1, 2, 3], keepdims=0),
        node("Cast", ["most"], ["indices"], to=TensorProto.INT64),
        node("Gather", ["events", "indices"], ["anonymized"], axis=0),
    ]
    data = onnx_bytes(nodes, output_shape=("a", "b", "c", "d"))
    histograms = counts(3)
    histograms[1, 0, 0, 0] = 1000
    assert causes(opened(trusted(data)).anonymize(histograms)) == ["inference_error"] * 3


def test_noise_that_cannot_be_drawn_rejects_the_whole_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: Any) -> None:
        raise OSError("no entropy")

    anonymizer = opened(noisy())
    monkeypatch.setattr(NoiseSource, "normal", fails)
    assert causes(anonymizer.anonymize(counts(2))) == ["inference_error"] * 2


@pytest.mark.parametrize("stuck", [0.0, 1e-4, float("nan")])
def test_stuck_noise_is_not_published(monkeypatch: pytest.MonkeyPatch, stuck: float) -> None:
    anonymizer = opened(noisy())
    monkeypatch.setattr(NoiseSource, "normal", lambda _, out: out.fill(stuck))
    assert None not in causes(anonymizer.anonymize(counts(2)))


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Slice", ["events", "zero", "two", "three"], ["anonymized"])],
        [node("Concat", ["events", "noise"], ["anonymized"], axis=0)],
        [node("Transpose", ["noise"], ["anonymized"], perm=[0, 1, 3, 2])],
    ],
)
def test_an_output_of_another_shape_is_rejected(nodes: Any) -> None:
    numbers = [constant(n, [v], np.int64) for n, v in (("zero", 0), ("two", 2), ("three", 3))]
    data = onnx_bytes(nodes, numbers, output_shape=("a", "b", "c", "d"))
    assert causes(opened(trusted(data)).anonymize(counts(2, width=48))) == ["bad_shape"] * 2


def test_a_bad_window_does_not_take_the_others_along() -> None:
    """NaN where a window holds the count 1000, the identity where it holds 2000."""
    nodes = [
        node("ReduceMax", ["events"], ["most"], axes=[1, 2, 3], keepdims=1),
        node("Equal", ["most", "a"], ["is_a"]),
        node("Equal", ["most", "b"], ["is_b"]),
        node("Mul", ["noise", "std"], ["s"]),
        node("Add", ["events", "s"], ["good"]),
        node("Where", ["is_a", "nan", "good"], ["x"]),
        node("Where", ["is_b", "events", "x"], ["anonymized"]),
    ]
    numbers = [constant(n, v) for n, v in (("a", 1000), ("b", 2000), ("nan", np.nan), ("std", 4))]
    histograms = counts(4)
    histograms[1, 0, 0, 0] = 1000
    histograms[3, 3, 63, 63] = 2000
    verdicts = opened(trusted(onnx_bytes(nodes, numbers))).anonymize(histograms)
    assert causes(verdicts) == [None, "non_finite", None, "unchanged"]


def passing_one_channel() -> bytes:
    nodes = [
        node("Mul", ["noise", "stds"], ["s"]),
        node("Add", ["events", "s"], ["anonymized"]),
    ]
    return onnx_bytes(nodes, [constant("stds", np.float32([4, 4, 0, 4]).reshape(4, 1, 1))])


@pytest.mark.parametrize(
    "data",
    [
        onnx_bytes([node("Identity", ["events"], ["anonymized"])]),
        noisy(std=2.0).onnx_bytes,
        passing_one_channel(),
    ],
    ids=["identity", "half the noise", "one channel passes through"],
)
def test_an_output_near_its_input_is_rejected(data: bytes) -> None:
    anonymizer = opened(trusted(data))
    assert causes(anonymizer.anonymize(counts(2))) == ["unchanged"] * 2
    with pytest.raises(ModelError, match="self-test failed: zeros: unchanged"):
        anonymizer.self_test()


@pytest.mark.parametrize(
    "histograms",
    [counts(channels=10), counts()[0], counts().astype(np.float64), counts().astype(np.int16)],
)
def test_another_input_is_refused(histograms: Any) -> None:
    with pytest.raises(ModelError, match=r"takes uint16 or float32 \[N, 4, H, W\]"):
        opened(noisy()).anonymize(histograms)


def test_another_sensor_is_refused() -> None:
    model = noisy(representation={"height": 64, "width": 48})
    with pytest.raises(ModelError, match="takes 48x64, not 64x64"):
        opened(model).anonymize(counts())


def test_several_threads_get_their_own_windows() -> None:
    anonymizer = opened(noisy())
    results: dict[int, Any] = {}

    def work(level: int) -> None:
        histograms = np.full((2, 4, 64, 64 + level), 1000 * level, np.uint16)
        results[level] = [tensors(anonymizer.anonymize(histograms)) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(level,)) for level in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for level in range(4):
        for published in results[level]:
            assert published.shape[-1] == 64 + level
            assert published.mean() == pytest.approx(1000 * level, abs=1)
