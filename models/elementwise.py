"""Anonymizers of a few operators as ONNX files: what is done to every cell alike.

Needs the ``onnx`` package, an optional dependency.
"""

from collections.abc import Mapping, Sequence

from models.errors import ModelError
from models.session import INPUTS, OUTPUT

_OPSET = 17
_IR_VERSION = 8


def elementwise(
    name: str,
    nodes: Sequence[tuple[str, Sequence[str], str]],
    values: Mapping[str, float],
    channels: int,
) -> bytes:
    """The graph ``name`` for windows ``[N, channels, H, W]`` of any N, H and W.

    ``nodes``: operator, inputs and output of each, in their order, from ``events``, ``noise`` and
    the constants ``values`` to ``anonymized``. The same arguments give the same bytes. Raises
    :class:`ModelError` where the ``onnx`` package is missing.
    """
    try:
        import onnx  # noqa: PLC0415 - an optional dependency
        from onnx import TensorProto, helper  # noqa: PLC0415
    except ImportError:
        raise ModelError(
            "writing ONNX files needs the extra: pip install 'anonynoise-edge[export]'"
        ) from None

    def tensor(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(
            name, TensorProto.FLOAT, ["batch", channels, "height", "width"]
        )

    graph = helper.make_graph(
        [helper.make_node(operator, inputs, [output]) for operator, inputs, output in nodes],
        name,
        [tensor(name) for name in INPUTS],
        [tensor(OUTPUT)],
        [helper.make_tensor(name, TensorProto.FLOAT, [], [of]) for name, of in values.items()],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="anonynoise",
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))
