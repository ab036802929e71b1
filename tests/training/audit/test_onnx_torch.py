"""ONNX graphs in torch, compared with ONNX Runtime."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import NodeProto

from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from models.repository import Repository
from tests.models.onnx_models import constant, node, onnx_bytes, trusted
from training.audit import onnx_torch
from training.audit.onnx_torch import OnnxFunction, as_torch
from training.errors import TrainingError
from training.export import export_anonymizer

SHAPE = (2, 4, 8, 12)
ONE = constant("one", 1.0)
AXES = constant("axes", [1, 3], np.int64)


def windows(shape: tuple[int, ...] = SHAPE) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "events": generator.poisson(0.5, shape).astype(np.float32),
        "noise": generator.standard_normal(shape, np.float32),
    }


def both(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """What ONNX Runtime and torch say."""
    given = windows()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    taken = {one.name for one in session.get_inputs()}
    expected = session.run(None, {name: value for name, value in given.items() if name in taken})[0]
    found = OnnxFunction(data, "sample")(**{n: torch.from_numpy(v) for n, v in given.items()})
    return expected, found.numpy()


def one(operator: str, *inputs: str, **attributes: Any) -> list[NodeProto]:
    return [node(operator, list(inputs), ["anonymized"], **attributes)]


WEIGHT = constant("weight", np.random.default_rng(1).normal(size=(4, 2, 3, 2)))
BIAS = constant("bias", [1.0, 2.0, 3.0, 4.0])
EIGHT = [node("Concat", ["events", "noise"], ["eight"], axis=1)]
POSITIVE = [node("Add", ["events", "one"], ["positive"])]
GRAPHS = {
    **{name: one(name, "events", "noise") for name in ("Add", "Sub", "Mul", "Max", "Min")},
    **{
        name: one(name, "noise")
        for name in ("Abs", "Exp", "Identity", "Neg", "Relu", "Sigmoid", "Softplus", "Tanh")
    },
    **{name: POSITIVE + one(name, "positive") for name in ("Log", "Reciprocal", "Sqrt")},
    "ArgMax, GatherND": [
        node("ArgMax", ["noise"], ["best"], keepdims=0),
        node("Unsqueeze", ["best", "last"], ["at"]),
        *one("GatherND", "noise", "at"),
    ],
    "ArgMax that keeps its axis": [
        node("ArgMax", ["noise"], ["best"], axis=1),
        node("Squeeze", ["best", "second"], ["alone"]),
        node("Unsqueeze", ["alone", "last"], ["at"]),
        *one("GatherND", "weight", "at"),
    ],
    "GatherND": one("GatherND", "noise", "places"),
    "LeakyRelu": one("LeakyRelu", "noise", alpha=0.2),
    "BatchNormalization": one(
        "BatchNormalization", "noise", "bias", "bias", "bias", "bias", epsilon=0.1
    ),
    "Div": POSITIVE + one("Div", "noise", "positive"),
    "Div of whole numbers, Tile": [
        node("Shape", ["events"], ["lengths"]),
        node("Neg", ["lengths"], ["negative"]),
        node("Div", ["negative", "five"], ["quotients"]),
        node("Neg", ["quotients"], ["less"]),
        node("Add", ["less", "twice"], ["times"]),
        *one("Tile", "noise", "times"),
    ],
    "Expand": [
        node("ReduceMean", ["noise", "axes"], ["means"]),
        node("Shape", ["events"], ["lengths"]),
        *one("Expand", "means", "lengths"),
    ],
    "Gemm": one("Gemm", "weights", "square", "bias", alpha=0.5, beta=2.0, transB=1),
    "Gemm of the first turned": one("Gemm", "more_weights", "weights", transA=1, transB=1),
    "Reshape": one("Reshape", "noise", "form"),
    "Squeeze, Unsqueeze": [
        node("ReduceMean", ["noise", "axes"], ["means"]),
        node("Squeeze", ["means", "axes"], ["squeezed"]),
        *one("Unsqueeze", "squeezed", "ends"),
    ],
    "Squeeze of all": [
        node("ReduceMean", ["noise", "axes"], ["means"]), *one("Squeeze", "means")
    ],
    "Pow": POSITIVE + one("Pow", "positive", "noise"),
    "Pow by a number": one("Pow", "noise", "three"),
    "Min of three": one("Min", "events", "noise", "one"),
    "Concat": one("Concat", "events", "noise", axis=1),
    "Conv": one(
        "Conv", "noise", "weight", "bias",
        group=2, pads=[0, 1, 2, 3], strides=[2, 3], dilations=[1, 2],
    ),
    "Conv without bias": one("Conv", "noise", "weight", group=2),
    "DepthToSpace CRD": EIGHT + one("DepthToSpace", "eight", blocksize=2, mode="CRD"),
    "DepthToSpace DCR": EIGHT + one("DepthToSpace", "eight", blocksize=2),
    "Greater, Where": [
        node("Greater", ["noise", "one"], ["more"]), *one("Where", "more", "noise", "events")
    ],
    "ReduceSum": one("ReduceSum", "noise", "axes"),
    "ReduceSum of all, keeping nothing": one("ReduceSum", "noise", keepdims=0),
    "ReduceSum of nothing": one("ReduceSum", "noise", noop_with_empty_axes=1),
    "ReduceMean": one("ReduceMean", "noise", "axes", keepdims=0),
    "Shape, Slice": [
        node("Shape", ["events"], ["height"], start=2, end=3),
        node("Sub", ["height", "twice"], ["stop"]),
        *one("Slice", "noise", "twice", "stop", "twice", "twice"),
    ],
    "Slice of the first axes": one("Slice", "noise", "begin", "end"),
    "Split": [
        node("Split", ["noise", "parts"], ["a", "b"], axis=1),
        node("Relu", ["b"], ["anonymized"]),
    ],
    "Split in three": [
        node("Split", ["noise"], ["a", "b", "c"], axis=2, num_outputs=3),
        node("Sub", ["a", "b"], ["d"]),
        node("Concat", ["c", "d"], ["anonymized"], axis=2),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_an_operator_says_what_onnx_runtime_says(name: str) -> None:
    whole = [constant("begin", [0, 1], np.int64), constant("end", [1, -1], np.int64)]
    counts = [constant("twice", [2], np.int64), constant("parts", [1, 3], np.int64)]
    forms = [
        constant("three", 3.0),
        constant("five", [5], np.int64),
        constant("form", [0, -1, 16], np.int64),
        constant("ends", [-1, 0], np.int64),
        constant("weights", np.arange(12.0).reshape(4, 3).T),
        constant("more_weights", np.arange(12.0).reshape(4, 3)),
        constant("places", [[0, 1], [1, 3], [0, 0]], np.int64),
        constant("last", [-1], np.int64),
        constant("second", [1], np.int64),
        constant("square", np.arange(16.0).reshape(4, 4)),
    ]
    constants = [ONE, AXES, WEIGHT, BIAS, *counts, *whole, *forms]
    data = onnx_bytes(GRAPHS[name], constants, output_shape=())
    expected, found = both(free(data))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def free(data: bytes) -> bytes:
    """The graph in opset 18, without its output's shape, which differs by operator."""
    model = onnx.load_model_from_string(data)
    model.opset_import[0].version = 18
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("name", ["anonynoise-gesture", "anonynoise-eye", "gaussian-4"])
def test_shipped_models_are_the_same_in_torch(name: str) -> None:
    model = Repository().load(name)
    as_torch(model, (2, model.manifest.representation.channels, 21, 30))


def test_gradients_pass_through_a_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    representation = Repository().load("anonynoise-gesture").manifest.representation
    config = AnonymizerConfig(
        channels=representation.channels,
        design="summary",
        input="events",
        output="bounded",
        min_sigma=4.0,
        energy=400.0,
    )
    model = export_anonymizer(
        AnonymizerNetwork(config), tmp_path / "model", representation=representation
    )
    shape = (1, representation.channels, 21, 30)
    function = as_torch(model, shape)
    events, noise = (torch.from_numpy(value).double() for value in windows(shape).values())
    graph = {
        key: value.double() if value.is_floating_point() else value
        for key, value in function._constants.items()
    }
    function._constants = graph
    events.requires_grad_()
    weights = torch.linspace(-1, 1, events.numel(), dtype=torch.double).reshape(shape)
    (slope,) = torch.autograd.grad((function(events=events, noise=noise) * weights).sum(), events)
    assert slope.abs().max() > 0
    # The slope in the direction of itself, by a small step.
    step = 1e-6 / slope.norm()
    with torch.no_grad():
        ends = [
            (function(events=events + sign * step * slope, noise=noise) * weights).sum()
            for sign in (-1, 1)
        ]
    assert float((ends[1] - ends[0]) / (2 * step)) == pytest.approx(
        float(slope.square().sum()), rel=1e-3
    )


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        (one("Sin", "events"), "the operator Sin"),
        (one("Conv", "noise", "weight", auto_pad="SAME_UPPER", group=2), "Conv: auto_pad"),
        (one("ReduceSum", "noise", axes=[1]), "ReduceSum: axes as an attribute"),
        (
            one("BatchNormalization", *["noise"] * 5, training_mode=1),
            "BatchNormalization: training_mode",
        ),
        ([node("Relu", ["events"], ["anonymized"], domain="mine")], r"operator mine\.Relu"),
    ],
)
def test_what_is_not_known_is_named(nodes: list[NodeProto], problem: str) -> None:
    with pytest.raises(TrainingError, match=f"sample: no torch form of .*{problem}"):
        OnnxFunction(onnx_bytes(nodes, [WEIGHT]), "sample")


def test_a_graph_that_torch_computes_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = trusted(onnx_bytes(one("Add", "events", "noise")))
    as_torch(model, SHAPE)
    monkeypatch.setitem(onnx_torch._OPERATORS, "Add", onnx_torch._OPERATORS["Sub"])
    with pytest.raises(TrainingError, match="something else than ONNX Runtime"):
        as_torch(model, SHAPE)
