"""The wire, read back with the safetensors library."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from events.errors import EventDataError
from models.verdict import Anonymized
from service.message import Message, decode_message, frame, read_windows


def message(value: float = 1.5) -> Message:
    return Message(Anonymized(np.full((4, 3, 2), value, np.float32)), {"camera": "a", "seq": "1"})


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_message_is_safetensors_and_is_encoded_once(dtype):
    made = message(65504.0)
    data = made.encode(dtype)
    assert data is made.encode(dtype)
    tensor = load(data)["anonymized"]
    assert tensor.dtype == dtype
    assert (tensor == 65504).all()
    metadata, again = decode_message(data)
    assert metadata == {"camera": "a", "seq": "1"}
    np.testing.assert_array_equal(again, tensor)


def test_a_windows_stream_reads_back():
    data = b"".join(frame(message(value).encode("float32")) for value in (1, 2, 3))
    assert [tensor[0, 0, 0] for _, tensor in read_windows(io.BytesIO(data))] == [1, 2, 3]


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 7))
def test_damage_is_one_error_and_no_other(garbage, position, bit):
    data = bytearray(frame(message().encode("float32")) * 2)
    data[position % len(data)] ^= 1 << bit
    for damaged in (bytes(data), garbage, bytes(data[: position % len(data)])):
        try:
            for metadata, tensor in read_windows(io.BytesIO(damaged)):
                assert isinstance(metadata, dict)
                assert isinstance(tensor, np.ndarray)
        except EventDataError as error:
            assert "\n" not in str(error)
