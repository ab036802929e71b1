"""An ONNX graph as a function of torch tensors, so that gradients pass through it.

For an attacker who has the model's file. Operators and their attributes: ONNX operator
specification, opset 18. A graph with any other operator is refused by name.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor
from torch.nn import functional

from models.repository import Model
from models.session import INPUTS, OUTPUT, start
from training.errors import TrainingError

#: How far torch and ONNX Runtime may be apart, relative to the largest value.
_TOLERANCE = 1e-4

Attributes = Mapping[str, Any]
Operator = Callable[[Sequence[Tensor], Attributes], Tensor | tuple[Tensor, ...]]


class OnnxFunction:
    """The graph of ``onnx_bytes``, called with its inputs by name; gives its first output.

    Raises :class:`TrainingError` naming ``source`` and the operator that is not known here.
    """

    def __init__(self, onnx_bytes: bytes, source: str) -> None:
        graph = onnx.load_model_from_string(onnx_bytes).graph
        self._constants = {
            tensor.name: torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
            for tensor in graph.initializer
        }
        self._output = graph.output[0].name
        self._nodes: list[tuple[Operator, list[str], list[str], dict[str, Any]]] = []
        for node in graph.node:
            if node.domain or node.op_type not in _OPERATORS:
                name = f"{node.domain}.{node.op_type}".lstrip(".")
                raise TrainingError(f"no torch form of the operator {name}", source=source)
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            problem = _unsupported(node.op_type, attributes, len(node.input))
            if problem is not None:
                raise TrainingError(f"no torch form of {node.op_type}: {problem}", source=source)
            self._nodes.append(
                (_OPERATORS[node.op_type], list(node.input), list(node.output), attributes)
            )

    def __call__(self, **inputs: Tensor) -> Tensor:
        """The first output, where the inputs are."""
        place = next(iter(inputs.values())).device
        # Lengths and positions are read back one by one: they stay on the CPU.
        values = {
            name: value.to(place) if value.is_floating_point() else value
            for name, value in self._constants.items()
        } | inputs
        for operator, takes, gives, attributes in self._nodes:
            found = operator([values[name] for name in takes], attributes)
            several = found if isinstance(found, tuple) else (found,)
            values.update(zip(gives, several, strict=True))
        return values[self._output]


def as_torch(model: Model, shape: tuple[int, ...]) -> OnnxFunction:
    """The graph of ``model``, compared with ONNX Runtime on random windows of ``shape``.

    Raises :class:`TrainingError` where an operator is not known or the two differ.
    """
    source = model.manifest.name
    function = OnnxFunction(model.onnx_bytes, source)
    generator = np.random.default_rng(0)
    windows = {
        "events": generator.poisson(0.5, shape).astype(np.float32),
        "noise": generator.standard_normal(shape, np.float32),
    }
    expected = start(model, "cpu", 1).run([OUTPUT], {name: windows[name] for name in INPUTS})[0]
    with torch.no_grad():
        found = function(**{name: torch.from_numpy(v) for name, v in windows.items()}).numpy()
    furthest = np.abs(found - expected).max(initial=0) if found.shape == expected.shape else np.inf
    if not furthest <= _TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0))):
        raise TrainingError("torch computes something else than ONNX Runtime", source=source)
    return function


def _unsupported(operator: str, attributes: Attributes, inputs: int) -> str | None:
    """What of a node goes beyond what its operator here does; None if nothing does."""
    if operator == "Conv" and attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
        return "auto_pad"
    if operator.startswith("Reduce") and "axes" in attributes:
        return "axes as an attribute"
    if operator == "ArgMax" and attributes.get("select_last_index", 0):
        return "select_last_index"
    if operator == "GatherND" and attributes.get("batch_dims", 0):
        return "batch_dims"
    if operator == "BatchNormalization" and attributes.get("training_mode", 0):
        return "training_mode"
    if operator == "Slice" and not 3 <= inputs <= 5:
        return "positions as attributes"
    return None


def _one(function: Callable[[Tensor], Tensor]) -> Operator:
    return lambda inputs, _: function(inputs[0])


def _two(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    return lambda inputs, _: function(inputs[0], inputs[1])


def _many(function: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def folded(inputs: Sequence[Tensor], _: Attributes) -> Tensor:
        result = inputs[0]
        for value in inputs[1:]:
            result = function(result, value)
        return result

    return folded


def _conv(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
    x, weight, *bias = inputs
    top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
    return functional.conv2d(
        functional.pad(x, (left, right, top, bottom)),
        weight,
        bias[0] if bias else None,
        stride=tuple(attributes.get("strides", (1, 1))),
        dilation=tuple(attributes.get("dilations", (1, 1))),
        groups=attributes.get("group", 1),
    )


def _depth_to_space(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
    x, block = inputs[0], attributes["blocksize"]
    if attributes.get("mode", b"DCR") == b"DCR":
        count, channels, height, width = x.shape
        x = x.reshape(count, block * block, channels // block**2, height, width)
        x = x.transpose(1, 2).reshape(count, channels, height, width)
    return functional.pixel_shuffle(x, block)


def _slice(inputs: Sequence[Tensor], _: Attributes) -> Tensor:
    x, starts, ends, *others = inputs
    axes = others[0].tolist() if others else range(len(starts))
    steps = others[1].tolist() if len(others) > 1 else [1] * len(starts)
    index = [slice(None)] * x.ndim
    for axis, begin, end, step in zip(axes, starts.tolist(), ends.tolist(), steps, strict=True):
        index[axis] = slice(begin, end, step)
    return x[tuple(index)]


def _split(inputs: Sequence[Tensor], attributes: Attributes) -> tuple[Tensor, ...]:
    x, axis = inputs[0], attributes.get("axis", 0)
    if len(inputs) > 1:
        return torch.split(x, inputs[1].tolist(), dim=axis)
    # All parts but the last are as long as each other (ONNX), which torch calls a split by size.
    return torch.split(x, -(-x.shape[axis] // attributes["num_outputs"]), dim=axis)


def _reduced(function: Callable[..., Tensor]) -> Operator:
    def over(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
        x, *axes = inputs
        dims = axes[0].tolist() if axes else []
        if not dims and attributes.get("noop_with_empty_axes", 0):
            return x
        keep = bool(attributes.get("keepdims", 1))
        return function(x, dim=dims or list(range(x.ndim)), keepdim=keep)

    return over


def _gemm(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
    one, other, *added = inputs
    one = one.T if attributes.get("transA", 0) else one
    other = other.T if attributes.get("transB", 0) else other
    product: Tensor = attributes.get("alpha", 1.0) * (one @ other)
    return product + attributes.get("beta", 1.0) * added[0] if added else product


def _batch_normalized(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
    x, scale, bias, mean, variance = inputs
    return functional.batch_norm(
        x, mean, variance, scale, bias, eps=attributes.get("epsilon", 1e-5)
    )


def _divided(one: Tensor, other: Tensor) -> Tensor:
    whole = not (one.is_floating_point() or other.is_floating_point())
    return torch.div(one, other, rounding_mode="trunc" if whole else None)


def _powered(base: Tensor, exponent: Tensor) -> Tensor:
    # By a number, torch is ten times as quick as by a tensor that holds it.
    if exponent.ndim == 0 and not exponent.requires_grad:
        return torch.pow(base, exponent.item())
    return torch.pow(base, exponent)


def _reshaped(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
    x, lengths = inputs[0], inputs[1].tolist()
    if not attributes.get("allowzero", 0):
        lengths = [x.shape[i] if length == 0 else length for i, length in enumerate(lengths)]
    return x.reshape(lengths)


def _expanded(inputs: Sequence[Tensor], _: Attributes) -> Tensor:
    lengths = np.broadcast_shapes(tuple(inputs[0].shape), tuple(inputs[1].tolist()))
    return inputs[0].expand(lengths)


def _squeezed(inputs: Sequence[Tensor], _: Attributes) -> Tensor:
    x, *axes = inputs
    return x.squeeze(tuple(axes[0].tolist())) if axes else x.squeeze()


def _unsqueezed(inputs: Sequence[Tensor], _: Attributes) -> Tensor:
    x, axes = inputs
    after = x.ndim + len(axes)
    for axis in sorted(axis % after for axis in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _arg_max(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
    return inputs[0].argmax(attributes.get("axis", 0), keepdim=bool(attributes.get("keepdims", 1)))


def _gathered(inputs: Sequence[Tensor], _: Attributes) -> Tensor:
    x, places = inputs
    return x[tuple(places.unbind(-1))]


def _leaky(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
    return functional.leaky_relu(inputs[0], attributes.get("alpha", 0.01))


def _shape(inputs: Sequence[Tensor], attributes: Attributes) -> Tensor:
    lengths = list(inputs[0].shape)
    return torch.tensor(lengths[attributes.get("start", 0) : attributes.get("end")])


_OPERATORS: dict[str, Operator] = {
    "Abs": _one(torch.abs),
    "Add": _two(torch.add),
    "ArgMax": _arg_max,
    "BatchNormalization": _batch_normalized,
    "Concat": lambda inputs, attributes: torch.cat(tuple(inputs), dim=attributes["axis"]),
    "Conv": _conv,
    "DepthToSpace": _depth_to_space,
    "Div": _two(_divided),
    "Exp": _one(torch.exp),
    "Expand": _expanded,
    "GatherND": _gathered,
    "Gemm": _gemm,
    "Greater": _two(torch.gt),
    "Identity": _one(lambda x: x),
    "LeakyRelu": _leaky,
    "Log": _one(torch.log),
    "Max": _many(torch.maximum),
    "Min": _many(torch.minimum),
    "Mul": _two(torch.mul),
    "Neg": _one(torch.neg),
    "Pow": _two(_powered),
    "Reciprocal": _one(torch.reciprocal),
    "ReduceMean": _reduced(torch.mean),
    "ReduceSum": _reduced(torch.sum),
    "Relu": _one(torch.relu),
    "Reshape": _reshaped,
    "Shape": _shape,
    "Sigmoid": _one(torch.sigmoid),
    "Slice": _slice,
    "Softplus": _one(functional.softplus),
    "Split": _split,
    "Sqrt": _one(torch.sqrt),
    "Squeeze": _squeezed,
    "Sub": _two(torch.sub),
    "Tanh": _one(torch.tanh),
    "Tile": lambda inputs, _: inputs[0].repeat(inputs[1].tolist()),
    "Unsqueeze": _unsqueezed,
    "Where": lambda inputs, _: torch.where(inputs[0], inputs[1], inputs[2]),
}
