"""An ONNX Runtime session for a model, once its graph keeps the manifest's contract."""

import os
from typing import Any, Literal

from models.errors import ModelError
from models.graph import check_graph
from models.manifest import Representation
from models.repository import Model

Device = Literal["auto", "cpu", "cuda"]

CUDA_PROVIDER = "CUDAExecutionProvider"
CPU_PROVIDER = "CPUExecutionProvider"
INPUTS = ("events", "noise")
OUTPUT = "anonymized"

_FLOAT32 = "tensor(float)"
_LOG_FATAL = 4


def open_session(model: Model, device: Device, threads: int | None) -> Any:
    """A session running exactly ``model.onnx_bytes``.

    ``threads`` bounds the CPU threads of one run; None leaves them to ONNX Runtime.
    Raises :class:`ModelError`: a graph that draws random numbers, that breaks the contract
    or does not load, a device that is not there, ONNX Runtime not installed.
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
    _check_contract(session, model.manifest.representation, source)
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


def _check_contract(session: Any, wanted: Representation, source: str) -> None:
    """Inputs ``events`` and ``noise``, output ``anonymized``, float32 ``[N, 2T, H, W]``."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    names = sorted(tensor.name for tensor in inputs), [tensor.name for tensor in outputs]
    if names != (sorted(INPUTS), [OUTPUT]):
        raise ModelError(
            f"the graph takes {names[0]} and gives {names[1]}, not events, noise and anonymized",
            source=source,
        )
    size: tuple[int | None, int | None] = (None, None)
    if wanted.height is not None and wanted.width is not None:
        size = wanted.padded(wanted.height, wanted.width)
    agreed = (None, wanted.channels, *size)
    for tensor in (*inputs, *outputs):
        if tensor.type != _FLOAT32:
            raise ModelError(f"{tensor.name} is {tensor.type}, not float32", source=source)
        fits = len(tensor.shape) == len(agreed) and all(
            not isinstance(length, int) or length == fixed
            for length, fixed in zip(tensor.shape, agreed, strict=True)
        )
        if not fits:
            raise ModelError(
                f"{tensor.name} is {tensor.shape}, not [N, {wanted.channels}, H, W] "
                "as the manifest says",
                source=source,
            )
