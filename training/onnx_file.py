"""A torch network as the bytes of an ONNX file."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import onnx
import torch
from torch import nn

#: Old enough for every ONNX Runtime that the service supports.
_OPSET = 18


def onnx_bytes(
    network: nn.Module, channels: int, inputs: Sequence[str], output: str, axes: Sequence[str]
) -> bytes:
    """``network``, given ``inputs`` of float32 ``[N, channels, H, W]``, as an ONNX file.

    N, H and W stay dynamic; ``axes`` names the dynamic axes of ``output``, with "" for those
    of fixed length. The network must be on the CPU and in eval mode. The same weights give
    the same bytes, and nothing in them tells where they were made.
    """
    # One tensor given twice would become one input of the graph; a length of one would be
    # taken for that of all windows.
    examples = tuple(torch.zeros(2, channels, 37, 45) for _ in inputs)
    free = torch.export.Dim.DYNAMIC
    with _silence(), torch.no_grad():
        program = torch.onnx.export(
            network,
            examples,
            dynamo=True,
            # Else the weights lie in a second file that no hash covers.
            external_data=False,
            opset_version=_OPSET,
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=tuple({0: free, 2: free, 3: free} for _ in inputs),
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for tensor in model.graph.input:
        _name_axes(tensor, ("batch", "", "height", "width"))
    for tensor in model.graph.output:
        _name_axes(tensor, axes)
    _forget_origin(model)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _name_axes(tensor: onnx.ValueInfoProto, axes: Sequence[str]) -> None:
    for dimension, name in zip(tensor.type.tensor_type.shape.dim, axes, strict=True):
        if name:
            dimension.dim_param = name


def _forget_origin(model: onnx.ModelProto) -> None:
    """Remove names of source files, stack traces and versions, which differ by machine."""
    graph = model.graph
    graph.ClearField("value_info")
    parts = (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer)
    for part in parts:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    model.producer_name = "anonynoise"
    model.ClearField("producer_version")


@contextmanager
def _silence() -> Iterator[None]:
    """Keep back what the exporter says of its own insides; its errors are exceptions."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
