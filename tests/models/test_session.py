import builtins
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from onnx import TensorProto

from models.anonymizer import Anonymizer
from models.errors import ModelError
from models.repository import Repository, save
from tests.models.onnx_models import constant, node, noisy, onnx_bytes, trusted
from tests.models.verdicts import causes, counts, opened, tensors

_ROOT = Path(__file__).parents[2]
ADD = node("Add", ["events", "noise"], ["anonymized"])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            onnx_bytes([node("Add", ["events", "noise"], ["result"])], output="result"),
            "gives .*result",
        ),
        (
            onnx_bytes([node("Identity", ["x"], ["anonymized"])], inputs=("x",)),
            "takes .*x.* not events, noise",
        ),
        (onnx_bytes([ADD], inputs=("events", "noise", "more")), "takes .*more"),
        (
            onnx_bytes(
                [
                    node("Add", ["events", "noise"], ["y"]),
                    node("Cast", ["y"], ["anonymized"], to=TensorProto.FLOAT16),
                ],
                output_type=TensorProto.FLOAT16,
            ),
            r"anonymized is tensor\(float16\), not float32",
        ),
        (
            onnx_bytes([ADD], input_shape=("n", 10, "h", "w"), output_shape=("n", 10, "h", "w")),
            r"events is .*10.*, not \[N, 4, H, W\]",
        ),
        (
            onnx_bytes([ADD], input_shape=(1, 4, "h", "w"), output_shape=(1, 4, "h", "w")),
            "as the manifest says",
        ),
        (
            onnx_bytes([ADD], input_shape=("n", 4, 64, 64), output_shape=("n", 4, 64, 64)),
            "as the manifest says",
        ),
        (onnx_bytes([ADD], input_shape=(4, "h", "w"), output_shape=(4, "h", "w")), "manifest"),
        (
            onnx_bytes(
                [
                    node("RandomNormalLike", ["events"], ["r"]),
                    node("Add", ["r", "events"], ["y"]),
                    node("Add", ["y", "noise"], ["anonymized"]),
                ]
            ),
            "random numbers itself",
        ),
        (onnx_bytes([node("NoSuchOperator", ["events"], ["anonymized"])]), "cannot load it"),
        (noisy().onnx_bytes[:-9], "cut short"),
        (b"", "cannot load it"),
    ],
)
def test_a_graph_that_breaks_the_contract_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ModelError, match=f"sample: .*{problem}") as caught:
        opened(trusted(data))
    assert "\n" not in str(caught.value)


def test_a_fixed_size_is_taken_where_the_manifest_has_it() -> None:
    shape = ("n", 4, 64, 48)
    data = onnx_bytes(
        [node("Mul", ["noise", "std"], ["s"]), node("Add", ["events", "s"], ["anonymized"])],
        [constant("std", 4)],
        input_shape=shape,
        output_shape=shape,
    )
    size = {"height": 61, "width": 48, "multiple_of": 16}
    anonymizer = opened(trusted(data, representation=size))
    anonymizer.self_test()
    assert tensors(anonymizer.anonymize(counts(2, height=61, width=48))).shape == (2, 4, 61, 48)


def test_the_true_provider_is_said() -> None:
    anonymizer = opened(noisy())
    assert (anonymizer.device, anonymizer.provider) == ("cpu", "CPUExecutionProvider")
    expected = "cuda" if "CUDA" in Anonymizer(noisy()).provider else "cpu"
    assert Anonymizer(noisy()).device == expected


def test_cuda_that_is_not_there_is_refused() -> None:
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("CUDA is there")
    with pytest.raises(ModelError, match=r"no CUDA .*anonynoise-edge\[gpu\]"):
        Anonymizer(noisy(), device="cuda")


def test_cuda_that_silently_fell_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime-gpu on a machine without a GPU falls back to the CPU."""
    monkeypatch.setattr(
        onnxruntime,
        "get_available_providers",
        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda data, options, providers: real(data, options, providers=providers[-1:]),
    )
    with pytest.raises(ModelError, match="could not start CUDA"):
        Anonymizer(noisy(), device="cuda")
    assert Anonymizer(noisy(), device="auto").device == "cpu"


def test_without_onnxruntime_the_extras_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_runtime(name: str, *rest: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_runtime)
    with pytest.raises(ModelError, match=r"anonynoise-edge\[cpu\].*anonynoise-edge\[gpu\]"):
        opened(noisy())


def test_a_file_replaced_after_loading_is_not_run(tmp_path: Path) -> None:
    save(noisy(), tmp_path / "sample")
    model = Repository(tmp_path).load("sample")
    identity = onnx_bytes([node("Identity", ["events"], ["anonymized"])])
    (tmp_path / "sample" / "model.onnx").write_bytes(identity)
    assert causes(opened(model).anonymize(counts(2))) == [None, None]


def test_the_runtime_reports_to_nobody(tmp_path: Path) -> None:
    """ONNX Runtime's telemetry leaves a session file; it keeps still by itself only under CI."""
    code = (
        "from models.anonymizer import load_anonymizer; load_anonymizer(device='cpu');"
        "import sys; assert 'onnxruntime' in sys.modules"
    )
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    subprocess.run(
        [sys.executable, "-c", code], check=True, env=kept | {"TMPDIR": str(tmp_path)}, cwd=_ROOT
    )
    assert list(tmp_path.iterdir()) == []
