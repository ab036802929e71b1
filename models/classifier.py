"""Which gesture or emotion an anonymized window shows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifier_manifest import ClassifierManifest
from models.errors import ModelError
from models.repository import ClassifierModel, Repository
from models.session import Device, check_names, check_tensor, start, window_shape

INPUT, OUTPUT = "anonymized", "logits"
#: Of a window of a classifier for any size, when it is tested.
_SIDE = 64


@dataclass(frozen=True)
class Prediction:
    """The likeliest class of one window."""

    label: str
    #: Of ``label``, in [0, 1].
    probability: float
    #: Of every label, in the manifest's order; they add up to 1.
    probabilities: dict[str, float]


class Classifier:
    """One classifier, loaded. Raises :class:`ModelError` where it is not as its manifest says.

    ``threads`` bounds the CPU threads of one run; None leaves them to ONNX Runtime.
    """

    def __init__(
        self, model: ClassifierModel, *, device: Device = "auto", threads: int | None = None
    ) -> None:
        self.model = model
        manifest = model.manifest
        self._session: Any = start(model, device, threads)
        check_names(self._session, (INPUT,), OUTPUT, manifest.name)
        (taken,), (given,) = self._session.get_inputs(), self._session.get_outputs()
        check_tensor(taken, window_shape(manifest.representation), manifest.name)
        check_tensor(given, (None, len(manifest.labels)), manifest.name)

    @property
    def manifest(self) -> ClassifierManifest:
        """What it tells apart, and on whose output."""
        return self.model.manifest

    @property
    def provider(self) -> str:
        """The ONNX Runtime provider that truly runs the model, e.g. ``CPUExecutionProvider``."""
        return str(self._session.get_providers()[0])

    def classify(self, tensor: NDArray[np.floating[Any]]) -> Prediction:
        """The class of one published window ``[2T, H, W]``, float32 or float16.

        Raises :class:`ModelError` for another shape or type, and where the model gives no
        finite answer.
        """
        windows = self._checked(tensor)[None]
        source = self.manifest.name
        try:
            logits = self._session.run([OUTPUT], {INPUT: windows})[0][0].astype(np.float64)
        except Exception:
            # What ONNX Runtime says may hold values of the window.
            raise ModelError("could not be run on a window", source=source) from None
        if logits.shape != (len(self.manifest.labels),) or not np.isfinite(logits).all():
            raise ModelError("gave no finite number for every label", source=source)
        odds = np.exp(logits - logits.max())
        shares = odds / odds.sum()
        best = int(shares.argmax())
        return Prediction(
            self.manifest.labels[best],
            float(shares[best]),
            dict(zip(self.manifest.labels, shares.tolist(), strict=True)),
        )

    def self_test(self) -> None:
        """Classify an empty, a noisy and a saturated window. Raises :class:`ModelError`."""
        wanted = self.manifest.representation
        shape = (wanted.channels, wanted.height or _SIDE, wanted.width or _SIDE)
        noise = np.random.default_rng(1).standard_normal(shape, np.float32)
        largest = np.finfo(np.float16).max
        for window in (np.zeros(shape, np.float32), noise, np.full(shape, largest, np.float32)):
            self.classify(window)

    def _checked(self, tensor: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        wanted = self.manifest.representation
        size = (wanted.channels, wanted.height, wanted.width)
        fits = tensor.ndim == len(size) and all(
            length > 0 and fixed in (None, length)
            for length, fixed in zip(tensor.shape, size, strict=True)
        )
        if not fits or tensor.dtype not in (np.float32, np.float16):
            expected = [size[0], size[1] or "H", size[2] or "W"]
            raise ModelError(
                f"takes float32 or float16 [{', '.join(map(str, expected))}], "
                f"not {tensor.dtype} {list(tensor.shape)}",
                source=self.manifest.name,
            )
        return np.ascontiguousarray(tensor, np.float32)


def load_classifier(
    name_or_path: str | Path,
    *,
    device: Device = "auto",
    threads: int | None = None,
    repository: Repository | None = None,
) -> Classifier:
    """The classifier of that name (or in that folder, for a ``Path``), loaded and self-tested.

    Raises :class:`ModelError`: hash, manifest, graph, device or self-test.
    """
    model = (repository or Repository()).load_classifier(name_or_path)
    classifier = Classifier(model, device=device, threads=threads)
    classifier.self_test()
    return classifier


def find_classifier(
    task: str,
    anonymizer_sha256: str,
    *,
    device: Device = "auto",
    threads: int | None = None,
    repository: Repository | None = None,
) -> Classifier:
    """The classifier for ``task`` that was trained on that anonymizer's output.

    Raises :class:`ModelError` where the repository has none, naming what it has.
    """
    repository = repository or Repository()
    known = repository.classifiers(task)
    for manifest in known:
        if manifest.anonymizer_sha256 == anonymizer_sha256:
            return load_classifier(
                manifest.name, device=device, threads=threads, repository=repository
            )
    have = ", ".join(manifest.name for manifest in known) or "none for any"
    raise ModelError(
        f"no classifier for the model {anonymizer_sha256[:12]} (for others: {have})", source=task
    )
