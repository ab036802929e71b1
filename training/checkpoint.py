"""A trained network in a file, with all that is needed to build and use it again."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from models.manifest import Representation, first_problem
from models.networks.build import Kind, build
from training.errors import TrainingError
from training.files import write_whole

_FIELDS = {
    "kind": str,
    "config": dict,
    "state": dict,
    "representation": dict,
    "labels": list,
    "trained_on": dict,
    "metrics": dict,
}


@dataclass(frozen=True)
class Checkpoint:
    """The weights ``state`` of a network of ``kind``, and what it was trained on."""

    kind: Kind
    #: The network's own configuration.
    config: Mapping[str, Any]
    state: Mapping[str, Tensor] = field(repr=False)
    representation: Representation
    #: What the logits stand for; empty where there are none, or where they are people.
    labels: tuple[str, ...] = ()
    trained_on: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def network(self, source: str | None = None) -> nn.Module:
        """The network, in eval mode. Raises :class:`ModelError` if the weights do not fit it."""
        return build(self.kind, self.config, self.state, source)

    def save(self, path: Path) -> None:
        """Write the file ``path``, whole or not at all. Raises :class:`TrainingError`."""
        document = {
            "kind": self.kind,
            "config": dict(self.config),
            "state": {name: value.detach().cpu() for name, value in self.state.items()},
            "representation": self.representation.model_dump(mode="json"),
            "labels": list(self.labels),
            "trained_on": dict(self.trained_on),
            "metrics": dict(self.metrics),
        }
        write_whole(path, packed(document))


def packed(document: Any) -> bytes:
    """``document`` as the bytes of a torch file."""
    buffer = io.BytesIO()
    torch.save(document, buffer)
    return buffer.getvalue()


def unpacked(path: Path) -> Any:
    """What the torch file ``path`` holds: tensors and plain values, never code.

    Those written before torch 1.6 (2020) are no archives, and have no check sums. Raises
    :class:`TrainingError`.
    """
    try:
        # torch reads past a damaged weight; the archive's own check sums do not.
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                damaged = archive.testzip()
            if damaged is not None:
                raise TrainingError("is damaged", source=str(path))
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
    except TrainingError:
        raise
    except Exception:
        # zipfile and torch raise whatever the bytes led to.
        raise TrainingError(
            "is no checkpoint of tensors and plain values", source=str(path)
        ) from None


def load_checkpoint(path: Path, kind: Kind | None = None) -> Checkpoint:
    """The checkpoint in the file ``path``, of ``kind`` where one is asked for.

    Raises :class:`TrainingError` naming the file and what of it is wrong.
    """
    source = str(path)
    document = unpacked(path)
    if not isinstance(document, dict) or document.keys() != _FIELDS.keys():
        raise TrainingError("is no checkpoint of a network", source=source)
    if kind is not None and document["kind"] != kind:
        raise TrainingError(f"is no {kind} network", source=source, field="kind")
    for name, kind_of_value in _FIELDS.items():
        if not isinstance(document[name], kind_of_value):
            raise TrainingError(f"is no {kind_of_value.__name__}", source=source, field=name)
    try:
        representation = Representation.model_validate(document["representation"])
    except ValidationError as error:
        first = first_problem(error)
        raise TrainingError(
            first.problem, source=source, field=f"representation.{first.field}"
        ) from None
    checkpoint = Checkpoint(
        kind=document["kind"],
        config=document["config"],
        state=document["state"],
        representation=representation,
        labels=tuple(map(str, document["labels"])),
        trained_on=document["trained_on"],
        metrics=document["metrics"],
    )
    checkpoint.network(source)
    return checkpoint
