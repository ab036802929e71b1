"""Model folders on disk: ``NAME/model.onnx`` and ``NAME/manifest.json``."""

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from models import classifier_manifest
from models import manifest as manifests
from models.classifier_manifest import ClassifierManifest, kind_of
from models.errors import ModelError
from models.files import read_bounded
from models.manifest import Manifest

#: What the name ``default`` stands for.
DEFAULT_MODEL = "anonynoise-gesture"
#: A model for windows of any size, whatever the default is.
BASELINE_MODEL = "gaussian-4"
#: Environment variable that names another root than the packaged one.
ROOT_VARIABLE = "ANONYNOISE_MODELS"

PACKAGED_ROOT = Path(__file__).with_suffix("")
MANIFEST_FILE = "manifest.json"
ONNX_FILE = "model.onnx"

# A protobuf message, and so an ONNX file without external data, ends at 2 GiB.
_MOST_ONNX_BYTES = (1 << 31) - 1
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


_AnyManifest = TypeVar("_AnyManifest", Manifest, ClassifierManifest)


@dataclass(frozen=True)
class _Folder(Generic[_AnyManifest]):
    """A manifest and the very bytes whose hash it names.

    The bytes that were hashed are the bytes that are run: nothing opens the file again,
    so replacing it after the check changes nothing.
    """

    manifest: _AnyManifest
    onnx_bytes: bytes = field(repr=False)
    #: Where it was read; None for a model that was not.
    folder: Path | None = None

    def __post_init__(self) -> None:
        if hashlib.sha256(self.onnx_bytes).hexdigest() != self.manifest.sha256:
            source = str(self.folder / ONNX_FILE) if self.folder else self.manifest.name
            raise ModelError(
                "the file's hash differs from the manifest's", source=source, field="sha256"
            )


class Model(_Folder[Manifest]):
    """An anonymizer."""


class ClassifierModel(_Folder[ClassifierManifest]):
    """A classifier of anonymized windows."""


AnyModel = TypeVar("AnyModel", bound=Model | ClassifierModel)


def reference(text: str) -> str | Path:
    """What a person typed: a folder where it has a path separator, else a model's name."""
    return Path(text) if os.sep in text or text in (".", "..") else text


def load_folder(folder: Path) -> Model:
    """The anonymizer in ``folder``, hash checked. Raises :class:`ModelError`."""
    return Model(manifests.read(folder / MANIFEST_FILE), _onnx_bytes(folder), folder)


def load_classifier_folder(folder: Path) -> ClassifierModel:
    """The classifier in ``folder``, hash checked. Raises :class:`ModelError`."""
    manifest = classifier_manifest.read(folder / MANIFEST_FILE)
    return ClassifierModel(manifest, _onnx_bytes(folder), folder)


def _onnx_bytes(folder: Path) -> bytes:
    return read_bounded(folder / ONNX_FILE, _MOST_ONNX_BYTES)


def save(model: AnyModel, folder: Path) -> AnyModel:
    """Write ``model`` as the new ``folder``, which appears whole or not at all.

    Raises :class:`ModelError` if ``folder`` is there already or cannot be written.
    """
    if folder.exists():
        raise ModelError("exists already", source=str(folder))
    draft = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder.parent))
        _write(draft / ONNX_FILE, model.onnx_bytes)
        _write(draft / MANIFEST_FILE, model.manifest.to_json().encode())
        draft.chmod(0o755)
        draft.rename(folder)
    except OSError as error:
        raise ModelError(error.strerror or "cannot be written", source=str(folder)) from None
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
    return replace(model, folder=folder)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


class Repository:
    """The models below one root folder.

    ``root``: the argument, else the environment's ``ANONYNOISE_MODELS``, else the models
    that the package ships.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or Path(os.environ.get(ROOT_VARIABLE) or PACKAGED_ROOT)

    def list(self) -> tuple[str, ...]:
        """Names of the models, sorted, whether they can be loaded or not."""
        try:
            folders = sorted(folder for folder in self.root.iterdir() if folder.is_dir())
        except OSError as error:
            raise ModelError(error.strerror or "cannot be read", source=str(self.root)) from None
        return tuple(folder.name for folder in folders if _NAME.fullmatch(folder.name))

    def load(self, name_or_path: str | Path = "default") -> Model:
        """The anonymizer of that name here, or in that folder if it is a ``Path``.

        A ``str`` is only ever a name: it cannot reach outside the root.
        Raises :class:`ModelError`, also for a classifier.
        """
        return _named(load_folder(self.folder(name_or_path)), name_or_path)

    def load_classifier(self, name_or_path: str | Path) -> ClassifierModel:
        """The classifier of that name or in that folder, as :meth:`load` finds it.

        Raises :class:`ModelError`, also for an anonymizer.
        """
        return _named(load_classifier_folder(self.folder(name_or_path)), name_or_path)

    def load_any(self, name_or_path: str | Path = "default") -> Model | ClassifierModel:
        """The model of that name or in that folder, whichever kind it is of.

        Raises :class:`ModelError`.
        """
        if kind_of(self.folder(name_or_path) / MANIFEST_FILE) == "classifier":
            return self.load_classifier(name_or_path)
        return self.load(name_or_path)

    def classifiers(self, task: str | None = None) -> tuple[ClassifierManifest, ...]:
        """Manifests of the classifiers (of ``task``), by name; those unreadable left out.

        Raises :class:`ModelError` if the root cannot be read.
        """
        found = []
        for name in self.list():
            try:
                found.append(classifier_manifest.read(self.root / name / MANIFEST_FILE))
            except ModelError:
                # An anonymizer, or a folder of which verify() tells what is wrong.
                continue
        return tuple(manifest for manifest in found if task in (None, manifest.task))

    def folder(self, name_or_path: str | Path) -> Path:
        """Where the model of that name lies. Raises :class:`ModelError` if there is none."""
        if isinstance(name_or_path, Path):
            return name_or_path
        name = _full(name_or_path)
        if not _NAME.fullmatch(name):
            raise ModelError("is no model's name", source=repr(name))
        folder = self.root / name
        if not folder.is_dir():
            raise ModelError(f"no such model below {self.root}", source=name)
        return folder

    def verify(self) -> dict[str, str | None]:
        """For each model what is wrong with its files, None if nothing is."""
        problems: dict[str, str | None] = {}
        for name in self.list():
            try:
                self.load_any(name)
                problems[name] = None
            except ModelError as error:
                problems[name] = str(error)
        return problems


def _full(name: str) -> str:
    return DEFAULT_MODEL if name == "default" else name


def _named(model: AnyModel, name_or_path: str | Path) -> AnyModel:
    """``model``, if it was asked for by the name that its manifest gives it."""
    if isinstance(name_or_path, str) and model.manifest.name != _full(name_or_path):
        raise ModelError(
            f"is {model.manifest.name}, not {_full(name_or_path)}",
            source=str(model.folder / MANIFEST_FILE) if model.folder else None,
            field="name",
        )
    return model
