"""The manifest of a classifier: what runs on anonymized windows, and on whose."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    field_validator,
    model_validator,
)

from events.magnitude import magnitude
from models.manifest import Part, Representation, Sha256, Slug, Version, read_as

#: What a class is called: one printable line.
Label = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,64}$")]


class ClassifierManifest(Part):
    """``manifest.json`` beside a classifier's ``model.onnx``.

    The graph maps ``anonymized`` float32 ``[N, 2T, H, W]``, the values that the service
    publishes, to ``logits`` float32 ``[N, classes]``.
    """

    schema_version: Literal[1]
    kind: Literal["classifier"]
    name: Slug
    version: Version
    #: What it tells apart: ``gesture``, ``emotion``, ...
    task: Slug
    #: Of the logits, in their order.
    labels: tuple[Label, ...] = Field(min_length=2, max_length=1000)
    description: str = Field(default="", max_length=2000)
    #: Of the ONNX file.
    sha256: Sha256
    #: Of the windows before they were anonymized.
    representation: Representation
    #: ``sha256`` of the anonymizer on whose output it was trained.
    anonymizer_sha256: Sha256
    #: A window with fewer shows nothing that it knows: it saw none so quiet when it was trained.
    #: 0, or a power of a thousand: of a window's events the service tells no more.
    fewest_events: int = Field(default=0, ge=0)
    trained_on: dict[str, JsonValue] | str | None = None
    metrics: dict[str, JsonValue] | None = None

    @field_validator("fewest_events")
    @classmethod
    def _told(cls, count: int) -> int:
        if count != magnitude(count):
            raise ValueError("no power of a thousand, and messages tell only that of their events")
        return count

    @model_validator(mode="after")
    def _different(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("two labels are the same")
        return self

    def to_json(self) -> str:
        """The text of ``manifest.json``: the same manifest gives the same bytes."""
        return self.model_dump_json(indent=2) + "\n"


def read(path: Path) -> ClassifierManifest:
    """The manifest in the file ``path``. Raises :class:`ModelError` naming file and field."""
    return read_as(ClassifierManifest, path)


class _Kind(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    kind: Literal["anonymizer", "classifier"] = "anonymizer"


def kind_of(path: Path) -> Literal["anonymizer", "classifier"]:
    """Which kind of manifest the file ``path`` means to be. Raises :class:`ModelError`."""
    return read_as(_Kind, path).kind
