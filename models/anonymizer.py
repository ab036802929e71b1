"""Raw windows in, anonymized windows out."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from events.packet import SensorSize
from models.errors import ModelError
from models.manifest import Manifest
from models.noise_ahead import NoiseAhead
from models.repository import Model, Repository
from models.self_test import self_test
from models.session import CUDA_PROVIDER, OUTPUT, Device, open_session
from models.verdict import Anonymized, Rejected, judge

Histograms = NDArray[np.uint16] | NDArray[np.float32]


class _Scratch:
    """Float32 memory that is used again for every batch."""

    def __init__(self) -> None:
        self._cells = np.empty(0, np.float32)

    def shaped(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        cells = int(np.prod(shape))
        if self._cells.size < cells:
            self._cells = np.empty(cells, np.float32)
        return self._cells[:cells].reshape(shape)


class Anonymizer:
    """One model, loaded. Raises :class:`ModelError` where it cannot be run as its manifest says.

    ``threads`` bounds the CPU threads of one run. Loading does not test the model:
    :meth:`self_test` does, and :func:`load_anonymizer` does both.
    """

    def __init__(
        self, model: Model, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        self.model = model
        self._session: Any = open_session(model, device, threads)
        self._noise = NoiseAhead()
        self._event_cells = _Scratch()
        self._lock = threading.Lock()

    @property
    def manifest(self) -> Manifest:
        """What the model eats."""
        return self.model.manifest

    @property
    def provider(self) -> str:
        """The ONNX Runtime provider that truly runs the model, e.g. ``CPUExecutionProvider``."""
        return str(self._session.get_providers()[0])

    @property
    def device(self) -> str:
        """``cuda`` or ``cpu``, where the model truly runs."""
        return "cuda" if self.provider == CUDA_PROVIDER else "cpu"

    def anonymize(self, histograms: Histograms) -> list[Anonymized | Rejected]:
        """One verdict a window of ``histograms``, uint16 or float32 counts ``[N, 2T, H, W]``.

        Every call draws new noise for every cell of every window. A window that is not
        anonymized beyond doubt is rejected; the others of its batch are not.
        Raises :class:`ModelError` for an array of another shape or type. Safe to call from
        several threads, one at a time runs.
        """
        self._check(histograms)
        windows, _, height, width = histograms.shape
        if windows == 0:
            return []
        with self._lock:
            try:
                events = self._events(histograms)
                noise = self._noise.take(events.shape)
                if self.manifest.noise.scale != 1:
                    noise *= np.float32(self.manifest.noise.scale)
                output = self._session.run([OUTPUT], {"events": events, "noise": noise})[0]
                self._noise.give_back(noise)
                if output.shape != events.shape:
                    return [Rejected("bad_shape")] * windows
                return [
                    judge(
                        output[i, :, :height, :width], events[i, :, :height, :width], self.manifest
                    )
                    for i in range(windows)
                ]
            except Exception:
                # Whatever went wrong, the windows are lost and nothing about them is said.
                return [Rejected("inference_error")] * windows

    def draw_ahead(self) -> bool:
        """Draw noise for a coming batch like the last one; False where enough is ready.

        For moments in which nothing waits to be anonymized.
        """
        with self._lock:
            return self._noise.draw_ahead()

    def self_test(self) -> None:
        """Run :func:`models.self_test.self_test` on this anonymizer."""
        self_test(self.anonymize, self.manifest)

    def _check(self, histograms: Histograms) -> None:
        name, channels = self.manifest.name, self.manifest.channels
        if (
            histograms.ndim != 4
            or histograms.shape[1] != channels
            or histograms.dtype not in (np.uint16, np.float32)
        ):
            raise ModelError(
                f"takes uint16 or float32 [N, {channels}, H, W], "
                f"not {histograms.dtype} {list(histograms.shape)}",
                source=name,
            )
        reason = self.manifest.why_not(SensorSize(histograms.shape[3], histograms.shape[2]))
        if reason:
            raise ModelError(reason, source=name)

    def _events(self, histograms: Histograms) -> NDArray[np.float32]:
        """Scaled and padded events."""
        windows, channels, height, width = histograms.shape
        padded = self.manifest.representation.padded(height, width)
        events = self._event_cells.shaped((windows, channels, *padded))
        events[:, :, height:] = 0
        events[:, :, :height, width:] = 0
        scaling = np.float32(self.manifest.representation.scaling)
        np.multiply(histograms, scaling, out=events[:, :, :height, :width])
        return events


def load_anonymizer(
    name_or_path: str | Path = "default",
    *,
    device: Device = "auto",
    threads: int | None = None,
    repository: Repository | None = None,
) -> Anonymizer:
    """The model of that name (or in that folder, for a ``Path``), loaded and self-tested.

    Raises :class:`ModelError`: hash, manifest, graph, device or self-test.
    """
    model = (repository or Repository()).load(name_or_path)
    anonymizer = Anonymizer(model, device=device, threads=threads)
    anonymizer.self_test()
    return anonymizer
