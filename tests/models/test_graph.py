import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from models.errors import ModelError
from models.gaussian import gaussian
from models.graph import RANDOM_OPERATORS, check_graph
from tests.models.onnx_models import constant, node, onnx_bytes

ADD = node("Add", ["events", "noise"], ["anonymized"])
WHOLE = gaussian(4).onnx_bytes


@pytest.mark.parametrize("operator", sorted(RANDOM_OPERATORS))
def test_a_random_operator_is_refused(operator: str) -> None:
    data = onnx_bytes([node(operator, ["events"], ["other"]), ADD])
    with pytest.raises(ModelError, match=rf"sample: .* random numbers itself \({operator}\)"):
        check_graph(data, "sample")


@pytest.mark.parametrize("attribute", ["g", "graphs"])
def test_a_random_operator_in_a_sub_graph_is_refused(attribute: str) -> None:
    inner = helper.make_graph(
        [node("RandomNormal", [], ["r"], shape=[1])],
        "inner",
        [],
        [helper.make_tensor_value_info("r", TensorProto.FLOAT, [1])],
    )
    branch = inner if attribute == "g" else [inner]
    outer = helper.make_graph([node("If", ["c"], ["x"], then_branch=branch)], "outer", [], [])
    data = onnx_bytes([node("If", ["c"], ["y"], then_branch=outer), ADD])
    with pytest.raises(ModelError, match="RandomNormal"):
        check_graph(data, "sample")


def test_a_random_operator_in_a_function_is_refused() -> None:
    model = onnx.load_from_string(onnx_bytes([ADD]))
    model.functions.append(
        helper.make_function(
            "local",
            "Noisy",
            ["x"],
            ["y"],
            [node("RandomNormalLike", ["x"], ["y"])],
            [helper.make_opsetid("", 17)],
        )
    )
    with pytest.raises(ModelError, match="RandomNormalLike"):
        check_graph(model.SerializeToString(), "sample")


def test_dropout_is_refused_only_where_it_could_be_training() -> None:
    check_graph(onnx_bytes([node("Dropout", ["events", "ratio"], ["a"]), ADD]), "sample")
    check_graph(onnx_bytes([node("Dropout", ["events", "ratio", ""], ["a"]), ADD]), "sample")
    training = onnx_bytes([node("Dropout", ["events", "", "training"], ["a"]), ADD])
    with pytest.raises(ModelError, match="Dropout"):
        check_graph(training, "sample")


def _external(tensor: onnx.TensorProto) -> onnx.TensorProto:
    onnx.external_data_helper.set_external_data(tensor, "elsewhere.bin")
    tensor.ClearField("raw_data")
    return tensor


def test_data_in_another_file_is_refused() -> None:
    weights = onnx_bytes([ADD], [_external(constant("w", np.zeros(4)))])
    value = numpy_helper.from_array(np.zeros(4, np.float32), "v")
    in_node = onnx_bytes([node("Constant", [], ["c"], value=_external(value)), ADD])
    for data in (weights, in_node):
        with pytest.raises(ModelError, match="another file"):
            check_graph(data, "sample")


def test_names_that_only_look_random_are_taken() -> None:
    tensor = constant("RandomNormal", np.frombuffer(b"RandomNormal", np.float32))
    data = onnx_bytes(
        [node("Add", ["events", "noise"], ["anonymized"], name="Bernoulli")], [tensor]
    )
    check_graph(data, "sample")
    check_graph(gaussian(4).onnx_bytes, "sample")


@given(data=st.binary(max_size=300))
def test_any_bytes_pass_or_are_refused(data: bytes) -> None:
    try:
        check_graph(data, "sample")
    except ModelError as error:
        assert str(error).startswith("sample: ")


@given(cut=st.integers(0, 10_000), flip=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_mutations_of_a_model_pass_or_are_refused(cut: int, flip: int, bit: int) -> None:
    data = bytearray(WHOLE)
    data[flip % len(data)] ^= 1 << bit
    try:
        check_graph(bytes(data[: cut % (len(data) + 1)]), "sample")
    except ModelError as error:
        assert str(error).startswith("sample: ")


def test_deep_sub_graphs_are_walked_without_recursion() -> None:
    """Ten thousand graphs inside each other, as bytes that no library would build."""
    message = b"\x22\x0cRandomNormal"
    for _ in range(10_000):
        graph = b"\x0a" + _length(message) + message
        attribute = b"\x32" + _length(graph) + graph
        message = b"\x2a" + _length(attribute) + attribute
    graph = b"\x0a" + _length(message) + message
    with pytest.raises(ModelError, match="RandomNormal"):
        check_graph(b"\x3a" + _length(graph) + graph, "sample")


def _length(message: bytes) -> bytes:
    value, out = len(message), bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
