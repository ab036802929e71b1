"""The manifest: the only place that says what a model eats.

Training, service and audit all read it, so that a live window is built exactly as a
training window was.
"""

import math
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from events.packet import SensorSize
from events.window import WindowSpec
from models.errors import ModelError
from models.files import read_bounded

#: Cells ``2T * H * W`` of the largest window: 256 MiB as float32.
MOST_CELLS = 1 << 26
_MOST_BYTES = 1 << 20
_MOST_PIXELS_A_SIDE = 8192

#: A name that is safe as a folder's name, in an address and in a log line.
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")]
#: Of a file, in hexadecimal.
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A piece of a manifest: frozen, every field checked, none beside those named."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


AnyForm = TypeVar("AnyForm", bound=BaseModel)


class Representation(Part):
    """How events become the model's input, float32 ``[N, 2T, H, W]``."""

    kind: Literal["histogram", "voxel_grid"]
    #: T, the temporal bins of a window.
    bins: int = Field(ge=1, le=64)
    window_us: int = Field(ge=1_000, le=60_000_000)
    #: The only sensor size that the model takes; None for any.
    height: int | None = Field(ge=1, le=_MOST_PIXELS_A_SIDE)
    width: int | None = Field(ge=1, le=_MOST_PIXELS_A_SIDE)
    #: Windows are padded with zeros, at the bottom and right, to a multiple of this.
    multiple_of: int = Field(default=1, ge=1, le=256)
    channel_order: Literal["time,polarity(off,on)"]
    dtype: Literal["float32"]
    #: Counts are multiplied by it before they enter the model.
    scaling: float = Field(default=1.0, gt=0, le=65536)

    @property
    def channels(self) -> int:
        """2T: channel ``2 * b + p`` holds bin ``b`` and polarity ``p`` (0 off, 1 on)."""
        return 2 * self.bins

    def padded(self, height: int, width: int) -> tuple[int, int]:
        """``(height, width)`` rounded up to ``multiple_of``."""
        k = self.multiple_of
        return -(-height // k) * k, -(-width // k) * k

    def window_spec(self, sensor: SensorSize) -> WindowSpec:
        """Windows of ``sensor`` as the model takes them, live and in training."""
        return WindowSpec(sensor, self.bins, self.window_us, self.kind)

    @model_validator(mode="after")
    def _whole_size(self) -> Self:
        if (self.height is None) != (self.width is None):
            raise ValueError("height and width are given both or neither")
        if self.height is not None and self.width is not None:
            height, width = self.padded(self.height, self.width)
            if self.channels * height * width > MOST_CELLS:
                raise ValueError(f"a window of more than {MOST_CELLS} cells")
        return self


class Noise(Part):
    """The model's second input: ``scale`` times an independent standard normal a cell."""

    distribution: Literal["normal"]
    scale: float = Field(gt=0, le=65536)


class SelfTest(Part):
    """How far from its input an output must be; nearer is a failure of the model."""

    #: Root mean square of (output - input) that every channel must reach.
    min_rms_change: float = Field(gt=0)
    #: Largest share of the cells with events whose published value is that of the raw count.
    max_unchanged: float = Field(ge=0, lt=1)


class Manifest(Part):
    """``manifest.json`` beside an anonymizer's ``model.onnx``."""

    schema_version: Literal[1]
    #: Files that do not say it mean this; the other: :mod:`models.classifier_manifest`.
    kind: Literal["anonymizer"] = "anonymizer"
    name: Slug
    version: Version
    #: What the model protects against: ``anti-reid``, ``anti-reconstruction``,
    #: ``gaussian-baseline``, ...
    profile: Slug
    description: str = Field(default="", max_length=2000)
    #: Of the ONNX file.
    sha256: Sha256
    representation: Representation
    noise: Noise
    self_test: SelfTest
    #: The grid that published values lie on, a power of two (see :mod:`models.verdict`).
    #: Below 2**-12 float32 noise no longer fills every grid point evenly.
    output_step: float = Field(default=2.0**-8, ge=2.0**-12, le=1)
    trained_on: dict[str, JsonValue] | str | None = None
    metrics: dict[str, JsonValue] | None = None
    #: Filled by the audit job.
    audit: dict[str, JsonValue] | None = None

    @model_validator(mode="after")
    def _power_of_two(self) -> Self:
        if math.frexp(self.output_step)[0] != 0.5:
            raise ValueError("output_step is no power of two")
        return self

    @property
    def channels(self) -> int:
        """2T, the channels of a window."""
        return self.representation.channels

    def why_not(self, sensor: SensorSize) -> str | None:
        """Why the model does not take windows of ``sensor``, in words; None if it does."""
        wanted = self.representation
        size = f"{sensor.width}x{sensor.height}"
        if sensor.width < 1 or sensor.height < 1:
            return f"a sensor of {size} pixels has none"
        if wanted.height is not None and (sensor.width, sensor.height) != (
            wanted.width,
            wanted.height,
        ):
            return f"{self.name} takes {wanted.width}x{wanted.height}, not {size}"
        height, width = wanted.padded(sensor.height, sensor.width)
        if self.channels * height * width > MOST_CELLS:
            return f"a window of {self.channels} channels at {size} is over {MOST_CELLS} cells"
        return None

    def window_spec(self, sensor: SensorSize) -> WindowSpec:
        """Windows as the model was trained on them, for ``sensor``."""
        return self.representation.window_spec(sensor)

    def to_json(self) -> str:
        """The text of ``manifest.json``: the same manifest gives the same bytes."""
        return self.model_dump_json(indent=2) + "\n"


def first_problem(error: ValidationError, source: str | None = None) -> ModelError:
    """The first field of ``source`` that is wrong, without quoting its value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or None
    return ModelError(first["msg"].removeprefix("Value error, "), source=source, field=field)


def read(path: Path) -> Manifest:
    """The manifest in the file ``path``. Raises :class:`ModelError` naming file and field."""
    return read_as(Manifest, path)


def read_as(form: type[AnyForm], path: Path) -> AnyForm:
    """What the file ``path`` says in ``form``. Raises :class:`ModelError` naming its field."""
    try:
        return form.model_validate_json(read_bounded(path, _MOST_BYTES))
    except ValidationError as error:
        raise first_problem(error, str(path)) from None
