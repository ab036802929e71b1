"""Model folders on disk: ``NAME/model.onnx`` and ``NAME/manifest.json``."""

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from models import manifest as manifests
from models.errors import ModelError
from models.files import read_bounded
from models.manifest import Manifest

#: What the name ``default`` stands for.
DEFAULT_MODEL = "gaussian-4"
#: Environment variable that names another root than the packaged one.
ROOT_VARIABLE = "ANONYNOISE_MODELS"

PACKAGED_ROOT = Path(__file__).with_suffix("")
MANIFEST_FILE = "manifest.json"
ONNX_FILE = "model.onnx"

# A protobuf message, and so an ONNX file without external data, ends at 2 GiB.
_MOST_ONNX_BYTES = (1 << 31) - 1
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Model:
    """A manifest and the very bytes whose hash it names.

    The bytes that were hashed are the bytes that are run: nothing opens the file again,
    so replacing it after the check changes nothing.
    """

    manifest: Manifest
    onnx_bytes: bytes = field(repr=False)
    #: Where it was read; None for a model that was not.
    folder: Path | None = None

    def __post_init__(self) -> None:
        if hashlib.sha256(self.onnx_bytes).hexdigest() != self.manifest.sha256:
            source = str(self.folder / ONNX_FILE) if self.folder else self.manifest.name
            raise ModelError(
                "the file's hash differs from the manifest's", source=source, field="sha256"
            )


def reference(text: str) -> str | Path:
    """What a person typed: a folder where it has a path separator, else a model's name."""
    return Path(text) if os.sep in text or text in (".", "..") else text


def load_folder(folder: Path) -> Model:
    """The model in ``folder``, hash checked. Raises :class:`ModelError`."""
    manifest = manifests.read(folder / MANIFEST_FILE)
    return Model(manifest, read_bounded(folder / ONNX_FILE, _MOST_ONNX_BYTES), folder)


def save(model: Model, folder: Path) -> Model:
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
    return Model(model.manifest, model.onnx_bytes, folder)


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
        """The model of that name in this repository, or in that folder if it is a ``Path``.

        A ``str`` is only ever a name: it cannot reach outside the root.
        Raises :class:`ModelError`.
        """
        if isinstance(name_or_path, Path):
            return load_folder(name_or_path)
        name = DEFAULT_MODEL if name_or_path == "default" else name_or_path
        if not _NAME.fullmatch(name):
            raise ModelError("is no model's name", source=repr(name))
        folder = self.root / name
        if not folder.is_dir():
            raise ModelError(f"no such model below {self.root}", source=name)
        model = load_folder(folder)
        if model.manifest.name != name:
            raise ModelError(
                f"is {model.manifest.name}, not {name}",
                source=str(folder / MANIFEST_FILE),
                field="name",
            )
        return model

    def verify(self) -> dict[str, str | None]:
        """For each model what is wrong with its files, None if nothing is."""
        problems: dict[str, str | None] = {}
        for name in self.list():
            try:
                self.load(name)
                problems[name] = None
            except ModelError as error:
                problems[name] = str(error)
        return problems
