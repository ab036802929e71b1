from pathlib import Path

import numpy as np
import pytest

from models.anonymizer import load_anonymizer
from models.errors import ModelError
from models.repository import save
from tests.models.onnx_models import constant, node, noisy, onnx_bytes, trusted
from tests.models.verdicts import causes, counts, opened


@pytest.mark.parametrize("name", ["gaussian-1", "gaussian-4", "gaussian-16", "gaussian-32"])
def test_shipped_models_pass(name: str) -> None:
    anonymizer = load_anonymizer(name, device="cpu", threads=1)
    assert anonymizer.manifest.name == name
    assert causes(anonymizer.anonymize(counts(2, 10))) == [None, None]


def test_a_folder_is_loaded_and_tested(tmp_path: Path) -> None:
    save(noisy(), tmp_path / "sample")
    assert load_anonymizer(tmp_path / "sample").manifest.name == "sample"
    identity = onnx_bytes([node("Identity", ["events"], ["anonymized"])])
    save(trusted(identity), tmp_path / "identity")
    with pytest.raises(ModelError, match="sample: self-test failed: zeros: unchanged"):
        load_anonymizer(tmp_path / "identity")


def test_a_model_that_ignores_the_noise_fails() -> None:
    nodes = [
        node("Add", ["events", "far"], ["anonymized"]),
        node("Identity", ["noise"], ["unused"]),
    ]
    anonymizer = opened(trusted(onnx_bytes(nodes, [constant("far", 50)])))
    assert causes(anonymizer.anonymize(counts())) == [None]
    with pytest.raises(ModelError, match="zeros: two draws of noise gave the same output"):
        anonymizer.self_test()


def test_a_model_that_gives_two_windows_one_noise_fails() -> None:
    """Subtracting two such windows gives the difference of their raw counts."""
    nodes = [
        node("ReduceSum", ["noise", "axes"], ["summed"], keepdims=1),
        node("Mul", ["summed", "std"], ["s"]),
        node("Add", ["events", "s"], ["anonymized"]),
    ]
    numbers = [constant("axes", [0], np.int64), constant("std", 40)]
    with pytest.raises(ModelError, match="two windows of one batch"):
        opened(trusted(onnx_bytes(nodes, numbers))).self_test()


def test_a_model_that_overflows_on_saturated_counts_fails() -> None:
    nodes = [
        node("Mul", ["noise", "std"], ["s"]),
        node("Mul", ["events", "huge"], ["large"]),
        node("Add", ["large", "s"], ["anonymized"]),
    ]
    numbers = [constant("std", 4), constant("huge", 1e34)]
    with pytest.raises(ModelError, match="saturated: non_finite"):
        opened(trusted(onnx_bytes(nodes, numbers))).self_test()


def test_a_model_of_one_constant_tells_nothing_and_passes() -> None:
    nodes = [
        node("Mul", ["events", "zero"], ["nothing"]),
        node("Add", ["nothing", "hundred"], ["anonymized"]),
        node("Identity", ["noise"], ["unused"]),
    ]
    data = onnx_bytes(nodes, [constant("zero", 0), constant("hundred", 100)])
    opened(trusted(data)).self_test()
