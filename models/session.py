"""ONNX Runtime sessions, and whether a graph keeps its manifest's contract."""

import os
from typing import Any, Literal

from models.errors import ModelError
from models.graph import check_graph
from models.manifest import Representation
from models.repository import ClassifierModel, Model

Device = Literal["auto", "cpu", "cuda"]

CUDA_PROVIDER = "CUDAExecutionProvider"
CPU_PROVIDER = "CPUExecutionProvider"
INPUTS = ("events", "noise")
OUTPUT = "anonymized"

_FLOAT32 = "tensor(float)"
_LOG_FATAL = 4


def open_session(model: Model, device: Device, threads: int | None) -> Any:
    """A session of an anonymizer, whose graph keeps the manifest's contract.

    Inputs ``events`` and ``noise``, output ``anonymized``, float32 ``[N, 2T, H, W]``.
    Raises :class:`ModelError` where it does not, and as :func:`start` does.
    """
    session = start(model, device, threads)
    shape = window_shape(model.manifest.representation)
    check_names(session, INPUTS, OUTPUT, model.manifest.name)
    for tensor in (*session.get_inputs(), *session.get_outputs()):
        check_tensor(tensor, shape, model.manifest.name)
    return session


def start(model: Model | ClassifierModel, device: Device, threads: int | None) -> Any:
    """A session running exactly ``model.onnx_bytes``.

    ``threads`` bounds the CPU threads of one run; None leaves them to ONNX Runtime.
    Raises :class:`ModelError`: a graph that draws random numbers or does not load, a device
    that is not there, ONNX Runtime not installed.
    """
    source = model.manifest.name
    check_graph(model.onnx_bytes, source)
    runtime = _runtime()
    has_cuda = CUDA_PROVIDER in runtime.get_available_providers()
    if device == "cuda" and not has_cuda:
        raise ModelError(
            "no CUDA in the installed ONNX Runtime: pip install 'anonynoise-edge[gpu]'",
            source=source,
        )
    options = runtime.SessionOptions()
    # Errors come back as exceptions; its own log lines would only repeat them.
    options.log_severity_level = _LOG_FATAL
    options.inter_op_num_threads = 1
    # A thread that spins while it waits for the next window takes a core from the cameras.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    providers = [CUDA_PROVIDER, CPU_PROVIDER] if has_cuda and device != "cpu" else [CPU_PROVIDER]
    try:
        session = runtime.InferenceSession(model.onnx_bytes, options, providers=providers)
    except Exception as error:
        raise ModelError(f"ONNX Runtime cannot load it: {error}", source=source) from None
    if device == "cuda" and session.get_providers()[0] != CUDA_PROVIDER:
        raise ModelError("ONNX Runtime could not start CUDA on this machine", source=source)
    return session


def _runtime() -> Any:
    """ONNX Runtime, told to keep to itself.

    From 1.29 on its Linux builds report every session to their maker, and leave a session
    file in the folder for temporary files, unless this variable stands before the import;
    its own function to disable that comes too late.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime  # noqa: PLC0415 - one of two extras
    except ImportError:
        raise ModelError(
            "ONNX Runtime is not installed: pip install 'anonynoise-edge[cpu]' "
            "or 'anonynoise-edge[gpu]', not both"
        ) from None
    return onnxruntime


def window_shape(wanted: Representation) -> tuple[int | None, ...]:
    """``[N, 2T, H, W]``, None where a graph may be given any length."""
    size: tuple[int | None, int | None] = (None, None)
    if wanted.height is not None and wanted.width is not None:
        size = wanted.padded(wanted.height, wanted.width)
    return (None, wanted.channels, *size)


def check_names(session: Any, inputs: tuple[str, ...], output: str, source: str) -> None:
    """Raise :class:`ModelError` unless the graph has exactly these inputs and this output."""
    takes = sorted(tensor.name for tensor in session.get_inputs())
    gives = [tensor.name for tensor in session.get_outputs()]
    if (takes, gives) != (sorted(inputs), [output]):
        raise ModelError(
            f"the graph takes {takes} and gives {gives}, not {', '.join(inputs)} and {output}",
            source=source,
        )


def check_tensor(tensor: Any, agreed: tuple[int | None, ...], source: str) -> None:
    """Raise :class:`ModelError` unless ``tensor`` can be float32 of the shape ``agreed``."""
    if tensor.type != _FLOAT32:
        raise ModelError(f"{tensor.name} is {tensor.type}, not float32", source=source)
    fits = len(tensor.shape) == len(agreed) and all(
        not isinstance(length, int) or length == fixed
        for length, fixed in zip(tensor.shape, agreed, strict=True)
    )
    if not fits:
        expected = ", ".join(
            letter if length is None else str(length)
            for letter, length in zip("NCHW", agreed, strict=False)
        )
        raise ModelError(
            f"{tensor.name} is {tensor.shape}, not [{expected}] as the manifest says",
            source=source,
        )
