"""What an ONNX file holds, read from its bytes before anything runs it.

ONNX Runtime loads a graph without saying what is in it, and the ``onnx`` package is no
dependency of the service, so this walks the protobuf encoding itself, as far as it needs.
Field numbers: onnx.proto (ONNX 1.17); encoding: Protocol Buffers, "Encoding".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from models.errors import ModelError

#: Operators that draw random numbers. Noise made inside the graph comes from a generator
#: that can be seeded and predicted (privacy invariant 2): noise is an input, never an operator.
RANDOM_OPERATORS = frozenset(
    {
        "Bernoulli",
        "BiasDropout",
        "BitmaskBiasDropout",
        "BitmaskDropout",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
        "Sampling",
    }
)

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT = 10

# For each message, the fields that are messages to walk into.
_INSIDE = {
    "model": {7: "graph", 25: "function"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_NODE_INPUT, _NODE_OPERATOR = 1, 4
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_DROPOUT_INPUTS_WITHOUT_TRAINING_MODE = 2


@dataclass
class _Node:
    inputs: list[bytes] = field(default_factory=list)
    operators: list[bytes] = field(default_factory=list)


def check_graph(onnx_bytes: bytes, source: str) -> None:
    """Refuse a graph, sub-graph or function that draws random numbers or reads other files.

    Data outside the ONNX file is not covered by the manifest's hash: what is hashed would
    not be what is run. Raises :class:`ModelError` naming ``source``.
    """
    data = memoryview(onnx_bytes)
    messages = [("model", data)]
    while messages:
        kind, message = messages.pop()
        node = _Node()
        for number, wire, value in _fields(message, source):
            if wire == _BYTES and number in _INSIDE[kind]:
                messages.append((_INSIDE[kind][number], value))
            elif kind == "tensor" and number in (_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION):
                if wire == _BYTES or bytes(value) != b"\0":
                    raise ModelError("the graph reads data from another file", source=source)
            elif kind == "node" and number == _NODE_INPUT:
                node.inputs.append(bytes(value))
            elif kind == "node" and number == _NODE_OPERATOR:
                node.operators.append(bytes(value))
        _refuse_random(node, source)


def _refuse_random(node: _Node, source: str) -> None:
    for operator in node.operators:
        name = operator.decode("utf-8", "replace")
        training = name == "Dropout" and any(node.inputs[_DROPOUT_INPUTS_WITHOUT_TRAINING_MODE:])
        if training or name in RANDOM_OPERATORS:
            raise ModelError(f"the graph draws random numbers itself ({name})", source=source)


def _fields(message: memoryview, source: str) -> Iterator[tuple[int, int, memoryview]]:
    """Field number, wire type and bytes of each field of ``message``."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at, source)
        number, wire = key >> 3, key & 7
        start = at
        if wire == _BYTES:
            length, start = _varint(message, at, source)
            at = start + length
        elif wire == _VARINT:
            _, at = _varint(message, at, source)
        elif wire in _FIXED_BYTES:
            at += _FIXED_BYTES[wire]
        else:
            raise ModelError("is no ONNX file", source=source)
        if at > len(message):
            raise ModelError("is no ONNX file, or is cut short", source=source)
        yield number, wire, message[start:at]


def _varint(message: memoryview, at: int, source: str) -> tuple[int, int]:
    """The number at ``at`` and the position after it."""
    value = 0
    for index, byte in enumerate(message[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ModelError("is no ONNX file, or is cut short", source=source)
