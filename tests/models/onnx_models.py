"""Small ONNX models, good and bad, wrapped in a manifest that trusts them."""

import hashlib
import json
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.classifier_manifest import ClassifierManifest
from models.manifest import Manifest
from models.repository import ClassifierModel, Model


def manifest_fields(**changes: Any) -> dict[str, Any]:
    """A manifest as JSON would hold it; ``representation``, ``self_test``, ``noise`` merge."""
    fields: dict[str, Any] = {
        "schema_version": 1,
        "name": "sample",
        "version": "1.0.0",
        "profile": "gaussian-baseline",
        "sha256": "0" * 64,
        "representation": {
            "kind": "histogram",
            "bins": 2,
            "window_us": 100_000,
            "height": None,
            "width": None,
            "multiple_of": 1,
            "channel_order": "time,polarity(off,on)",
            "dtype": "float32",
            "scaling": 1.0,
        },
        "noise": {"distribution": "normal", "scale": 1.0},
        "self_test": {"min_rms_change": 2.4, "max_unchanged": 0.01},
    }
    for name, value in changes.items():
        if name in ("representation", "self_test", "noise"):
            fields[name] = fields[name] | value
        else:
            fields[name] = value
    return fields


def node(operator: str, inputs: list[str], outputs: list[str], **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, outputs, **attributes)


def constant(name: str, value: Any, dtype: Any = np.float32) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, dtype), name)


def onnx_bytes(
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto] = (),  # type: ignore[assignment]
    *,
    inputs: tuple[str, ...] = ("events", "noise"),
    output: str = "anonymized",
    output_shape: tuple[Any, ...] = ("n", 4, "h", "w"),
    output_type: int = TensorProto.FLOAT,
    input_shape: tuple[Any, ...] = ("n", 4, "h", "w"),
) -> bytes:
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, input_shape) for name in inputs],
        [helper.make_tensor_value_info(output, output_type, output_shape)],
        list(constants),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def trusted(data: bytes, **changes: Any) -> Model:
    """``data`` with a manifest that names its hash, and ``changes`` to that manifest."""
    fields = manifest_fields(sha256=hashlib.sha256(data).hexdigest(), **changes)
    return Model(Manifest.model_validate(fields), data)


def noisy(std: float = 4.0, **changes: Any) -> Model:
    """``events + std * noise``, with four channels."""
    nodes = [node("Mul", ["noise", "std"], ["s"]), node("Add", ["events", "s"], ["anonymized"])]
    return trusted(onnx_bytes(nodes, [constant("std", std)]), **changes)


def classifier_fields(**changes: Any) -> dict[str, Any]:
    """A classifier's manifest as JSON would hold it."""
    return {
        "schema_version": 1,
        "kind": "classifier",
        "name": "judge",
        "version": "1.0.0",
        "task": "gesture",
        "labels": ["wave", "clap", "drum", "other"],
        "sha256": "0" * 64,
        "representation": manifest_fields()["representation"],
        "anonymizer_sha256": "a" * 64,
        **changes,
    }


def classifying(data: bytes | None = None, **changes: Any) -> ClassifierModel:
    """A classifier whose logits are the means of its four channels; ``data`` for another."""
    mean = node("ReduceMean", ["anonymized"], ["logits"], axes=[2, 3], keepdims=0)
    if data is None:
        data = onnx_bytes([mean], inputs=("anonymized",), output="logits", output_shape=("n", 4))
    fields = classifier_fields(sha256=hashlib.sha256(data).hexdigest(), **changes)
    return ClassifierModel(ClassifierManifest.model_validate_json(json.dumps(fields)), data)
