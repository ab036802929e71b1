import builtins
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from models.errors import ModelError
from models.gaussian import gaussian
from models.repository import MANIFEST_FILE, ONNX_FILE, PACKAGED_ROOT, save


@pytest.mark.parametrize("std", [1.0, 4.0, 256.0])
@pytest.mark.parametrize("shape", [(1, 10, 128, 128), (3, 10, 7, 13)])
def test_the_graph_adds_std_times_noise(std: float, shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(5)
    events = generator.poisson(0.3, shape).astype(np.float32)
    noise = generator.standard_normal(shape, np.float32)
    session = onnxruntime.InferenceSession(
        gaussian(std).onnx_bytes, providers=["CPUExecutionProvider"]
    )
    (output,) = session.run(["anonymized"], {"events": events, "noise": noise})
    assert output.dtype == np.float32
    np.testing.assert_array_equal(output, events + np.float32(std) * noise)


@pytest.mark.parametrize("std", [1, 4, 16, 32])
def test_shipped_files_are_what_the_command_writes(tmp_path: Path, std: int) -> None:
    name = f"gaussian-{std}"
    save(gaussian(std), tmp_path / name)
    for file in (ONNX_FILE, MANIFEST_FILE):
        assert (tmp_path / name / file).read_bytes() == (PACKAGED_ROOT / name / file).read_bytes()


def test_bins_and_window_are_in_the_manifest() -> None:
    manifest = gaussian(2.5, bins=3, window_us=33_300).manifest
    assert manifest.name == "gaussian-2.5"
    assert (manifest.channels, manifest.representation.window_us) == (6, 33_300)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"std": 0.99}, "std"),
        ({"std": float("nan")}, "std"),
        ({"std": float("inf")}, "std"),
        ({"std": 4, "bins": 0}, "bins"),
        ({"std": 4, "window_us": 0}, "window_us"),
        ({"std": 4, "name": "../up"}, "name"),
    ],
)
def test_a_bad_argument_is_named(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(ModelError) as caught:
        gaussian(**arguments)
    assert caught.value.field == field


def test_without_the_onnx_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_onnx(name: str, *rest: Any) -> Any:
        if name == "onnx":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_onnx)
    with pytest.raises(ModelError, match=r"anonynoise-edge\[export\]"):
        gaussian(4)
