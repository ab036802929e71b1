"""Tiny classifiers in a repository of their own, beside the models that come along."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from models.repository import PACKAGED_ROOT, Repository
from tests.models.onnx_models import constant, node

LABELS = ("wave", "clap", "drums")


def classifier_bytes(logits: tuple[float, ...], gain: float, channels: int) -> bytes:
    """``logits``, and ``gain`` times the window's mean square more for the last class."""
    nodes = [
        node("Mul", ["anonymized", "anonymized"], ["squares"]),
        node("ReduceMean", ["squares"], ["mean"], axes=[1, 2, 3], keepdims=0),
        node("Reshape", ["mean", "column"], ["power"]),
        node("MatMul", ["power", "gains"], ["more"]),
        node("Add", ["more", "bias"], ["logits"]),
    ]
    gains = np.zeros((1, len(logits)))
    gains[0, -1] = gain
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("anonymized", TensorProto.FLOAT, ["n", channels, "h", "w"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(logits)])],
        [
            constant("column", [-1, 1], np.int64),
            constant("gains", gains),
            constant("bias", logits),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def add_classifier(
    root: Path,
    name: str = "waving",
    *,
    model: str = "gaussian-4",
    task: str = "gesture",
    logits: tuple[float, ...] = (3.0, 1.0, 0.0),
    gain: float = 0.0,
    fewest_events: int = 0,
    **representation: Any,
) -> Path:
    """Write a classifier for what the packaged ``model`` gives out into the repository ``root``."""
    anonymizer = Repository(PACKAGED_ROOT).load(model).manifest
    fields = anonymizer.representation.model_dump(mode="json") | representation
    data = classifier_bytes(logits, gain, 2 * fields["bins"])
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(data)
    manifest = {
        "schema_version": 1,
        "kind": "classifier",
        "name": name,
        "version": "1.0.0",
        "task": task,
        "labels": LABELS,
        "sha256": hashlib.sha256(data).hexdigest(),
        "representation": fields,
        "anonymizer_sha256": anonymizer.sha256,
        "fewest_events": fewest_events,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
