"""Models of which it is known whether they leak: to put the audit itself to the test."""

import hashlib
from collections.abc import Callable
from types import MappingProxyType

from models.gaussian import gaussian
from models.manifest import Manifest, Noise, Representation, SelfTest
from models.repository import Model

#: Of all of them: that of the small configuration, for any sensor.
REPRESENTATION = Representation(
    kind="histogram",
    bins=5,
    window_us=500_000,
    height=None,
    width=None,
    channel_order="time,polarity(off,on)",
    dtype="float32",
)


def noisy() -> Model:
    """Leaks: the paper's baseline with noise of 4 counts, below which people stay recognisable."""
    return gaussian(4.0, bins=REPRESENTATION.bins, window_us=REPRESENTATION.window_us)


def pass_through() -> Model:
    """Leaks everything: the raw window."""
    return _affine("pass-through", times=1.0, offset=0.0)


def mirrored() -> Model:
    """Leaks everything: the raw window with its sign turned and moved, which no self-test sees."""
    return _affine("mirrored", times=-1.0, offset=3.5)


def constant() -> Model:
    """Leaks nothing: the same number whatever comes in."""
    return _affine("constant", times=0.0, offset=3.5)


#: Name: its maker, whether it leaks.
KNOWN: MappingProxyType[str, tuple[Callable[[], Model], bool]] = MappingProxyType(
    {
        "gaussian-4": (noisy, True),
        "mirrored": (mirrored, True),
        "pass-through": (pass_through, True),
        "constant": (constant, False),
    }
)


def _affine(name: str, *, times: float, offset: float) -> Model:
    """``y = times * events + offset``, and noise that is drawn and not used."""
    data = _onnx_bytes(times, offset, REPRESENTATION.channels)
    manifest = Manifest(
        schema_version=1,
        name=name,
        version="1.0.0",
        profile="known",
        description="For the trial of the audit. Hides nobody: never to be served.",
        sha256=hashlib.sha256(data).hexdigest(),
        representation=REPRESENTATION,
        noise=Noise(distribution="normal", scale=1.0),
        self_test=SelfTest(min_rms_change=0.01, max_unchanged=0.9),
    )
    return Model(manifest, data)


def _onnx_bytes(times: float, offset: float, channels: int) -> bytes:
    import onnx  # noqa: PLC0415 - an optional dependency
    from onnx import TensorProto, helper  # noqa: PLC0415

    def tensor(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(
            name, TensorProto.FLOAT, ["batch", channels, "height", "width"]
        )

    values = {"times": times, "offset": offset, "zero": 0.0}
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["events", "times"], ["scaled"]),
            helper.make_node("Mul", ["noise", "zero"], ["silenced"]),
            helper.make_node("Add", ["scaled", "silenced"], ["sum"]),
            helper.make_node("Add", ["sum", "offset"], ["anonymized"]),
        ],
        "known",
        [tensor("events"), tensor("noise")],
        [tensor("anonymized")],
        [helper.make_tensor(name, TensorProto.FLOAT, [], [of]) for name, of in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString(deterministic=True))
