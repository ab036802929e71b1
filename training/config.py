"""What one training run does: every number of it, in one file that a person can read.

A configuration is a YAML file of this package (one of :data:`NAMES`) or anyone's
own; ``--set pipeline.epochs=3`` changes one value of it.
"""

import json
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.manifest import Representation, Slug, first_problem
from models.networks.anonymizer import AnonymizerConfig
from models.networks.resnet import Arch
from training.errors import TrainingError

#: The configurations that come along.
NAMES = ("paper", "small", "smoke", "event-reid")
_MOST_BYTES = 1 << 20

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Precision = Literal["32", "bf16-mixed"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DatasetPart(_Part):
    """Which recordings, and who is looked for among whom."""

    #: One of :data:`training.datasets.load.NAMES`.
    name: Slug = "simulated"
    #: ``live``: back-to-back windows; ``whole``: a recording is one window (published code).
    window: Literal["live", "whole"] = "live"
    #: Query and gallery, see :mod:`training.datasets.gallery`.
    rule: Literal["gesture", "see", "event_reid"] = "gesture"


class NetworksPart(_Part):
    """The shapes of the networks."""

    arch: Arch = "resnet50"
    #: File of torchvision's ImageNet weights for ``arch``; None starts from random ones.
    imagenet: str | None = None
    #: Which anonymizer; its channels are those of the representation.
    anonymizer: AnonymizerConfig = AnonymizerConfig()
    denoiser_depth: int = Field(default=15, ge=2, le=64)
    denoiser_width: int = Field(default=64, ge=1, le=1024)


class BatchPart(_Part):
    """How windows become batches: ``identities`` people, ``size / identities`` of each."""

    size: int = Field(default=32, ge=2)
    #: People in a batch of the re-identification losses; None draws windows evenly.
    identities: Annotated[int, Field(ge=2)] | None = None
    #: Windows in an epoch, drawn anew for each; None for all.
    windows_per_epoch: Count | None = None

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.identities is not None and self.size % self.identities:
            raise ValueError("size is no multiple of identities")
        return self


class AugmentPart(_Part):
    """Geometric augmentation (paper, Sec. 5.2)."""

    crop: bool = True
    #: Largest angle of the random rotation; the published number is lost.
    rotation_degrees: float = Field(default=15.0, ge=0, le=180)
    #: Never for gestures, whose labels know left from right.
    flip: bool = False


class FitPart(_Part):
    """Training one recogniser: AdamW, cosine decay to zero (paper, Table 5)."""

    epochs: Count = 200
    learning_rate: Positive = 1e-4
    weight_decay: float = Field(default=0.01, ge=0)


class PipelinePart(_Part):
    """The adversarial stage (paper, Sec. 4.3 and Table 5)."""

    epochs: Count = 300
    anonymizer_rate: Positive = 5e-4
    #: Of the target and re-identification networks, times 0.5 every ``halve_every`` epochs.
    recogniser_rate: Positive = 1e-3
    halve_every: Count = 100
    weight_decay: float = Field(default=0.01, ge=0)
    #: Of the adversarial term in L_target - weight * L_triplet.
    reid_weight: float = Field(default=1.0, ge=0)
    #: The anonymizer gains nothing from a triplet loss beyond this; None as published.
    cap: Positive | None = None
    adversary_loss: Literal["triplet", "triplet+entropy"] = "triplet"
    #: A bounded anonymizer begins with this times its energy, which falls to its own, by equal
    #: factors, until half of the pipeline is over: a target network finds a loud signal first.
    energy_start: float = Field(default=1.0, ge=1)
    #: Of the entropy of the attacker's identity logits, where the anonymizer raises it, too.
    entropy_weight: float = Field(default=1.0, ge=0)
    #: Re-identification networks that the anonymizer meets at once; the first is pre-trained.
    attackers: Count = 1
    #: Steps of every attacker for one of the anonymizer.
    attacker_steps: Count = 1
    #: Attackers meet the mean of so many draws of a window, one of these numbers in each step:
    #: what windows tell adds up over a person's stay, and an attacker who sees single ones
    #: only lets through what he cannot tell from the noise.
    averages: tuple[Annotated[float, Field(ge=1)], ...] = Field(default=(1.0,), min_length=1)
    #: Of ``log(1 + spread)`` of a bounded anonymizer's signal between people who do the same
    #: (:func:`training.losses.spread`): what is not there no attacker finds, however many
    #: windows he adds up.
    spread_weight: float = Field(default=0.0, ge=0)
    #: Of this stage alone; None takes that of ``compute``. In bfloat16 a signal far below the
    #: noise is learned badly.
    precision: Precision | None = None


class AttackPart(_Part):
    """What the attacker starts from after the pipeline (paper, Sec. 4.4)."""

    #: ``pretrained`` on raw windows as published, ``scratch`` from random weights.
    starts: tuple[Literal["pretrained", "scratch"], ...] = ("pretrained",)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.starts or len(set(self.starts)) != len(self.starts):
            raise ValueError("starts must name one or more different ones")
        return self


class InversionPart(_Part):
    """The denoiser before the attacker (paper, Sec. 5.6 and Appendix C)."""

    #: Of the mean squared error beside the recogniser's loss.
    mse_weight: float = Field(default=1.0, ge=0)


class EvaluationPart(_Part):
    """How the metrics are measured."""

    #: Draws of the query set; all rank the same windows, each covered by noise once.
    draws: Count = 1
    #: By which the gallery is ranked; the triplet loss is Euclidean.
    distance: Literal["euclidean", "cosine"] = "euclidean"
    batch_size: Count = 128


class ComputePart(_Part):
    """What it runs on."""

    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    #: CPU processes or GPUs; ``auto`` takes all GPUs, or one CPU process.
    devices: Count | Literal["auto"] = "auto"
    precision: Precision = "32"
    #: Of one CPU process; None leaves the choice to torch: all cores, or OMP_NUM_THREADS.
    threads: Count | None = None


class Variant(_Part):
    """One row of the ablation."""

    input: Literal["events", "events,noise"]
    output: Literal["replace", "add", "scale", "mean,scale", "bounded"]
    #: Meant as in the anonymizer's own configuration; as published unless given.
    design: Literal["paper", "cheap", "summary", "codes"] = "paper"
    min_sigma: float = 0.0
    energy: float | None = None


class Config(_Part):
    """One training run."""

    name: Slug
    dataset: DatasetPart = DatasetPart()
    representation: Representation
    networks: NetworksPart = NetworksPart()
    batch: BatchPart = BatchPart()
    augment: AugmentPart = AugmentPart()
    #: Pre-training on raw windows and the target's and attacker's training afterwards.
    pretrain: FitPart = FitPart()
    posttrain: FitPart = FitPart()
    pipeline: PipelinePart = PipelinePart()
    attack: AttackPart = AttackPart()
    inversion: InversionPart = InversionPart()
    #: Standard deviations of the Gaussian baseline, in counts.
    gaussian: tuple[Positive, ...] = (32.0, 64.0, 128.0, 256.0)
    ablation: tuple[Variant, ...] = ()
    evaluation: EvaluationPart = EvaluationPart()
    compute: ComputePart = ComputePart()

    @model_validator(mode="after")
    def _same_channels(self) -> Self:
        if self.networks.anonymizer.channels != self.representation.channels:
            raise ValueError("networks.anonymizer.channels is not twice representation.bins")
        return self

    def to_yaml(self) -> str:
        """The text of a file that :func:`load_config` reads back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


class _Loader(yaml.SafeLoader):
    """YAML 1.1 with one repair: ``1e-4`` is a number."""


_Loader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+"),
    list("-+0123456789."),
)


def load_config(name_or_path: str, overrides: Iterable[str] = ()) -> Config:
    """The configuration of that name, or in that file, with ``KEY.KEY=VALUE`` put over it.

    Raises :class:`TrainingError` naming the file and the first field that is wrong.
    """
    document = _document(_text(name_or_path), name_or_path)
    for override in overrides:
        _put(document, override)
    try:
        # By JSON, where strict takes lists for tuples and nothing else that YAML can say.
        return Config.model_validate_json(json.dumps(document))
    except (TypeError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = first_problem(error)
            raise TrainingError(first.problem, source=name_or_path, field=first.field) from None
        raise TrainingError("holds what JSON cannot say", source=name_or_path) from None


def _text(name_or_path: str) -> str:
    try:
        if name_or_path in NAMES:
            return (resources.files("training") / "configs" / f"{name_or_path}.yaml").read_text()
        with Path(name_or_path).open(encoding="utf-8") as file:
            return file.read(_MOST_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "cannot be read"
        known = ", ".join(NAMES)
        raise TrainingError(f"{reason} (a file, or one of {known})", source=name_or_path) from None


def _document(text: str, source: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else None
        raise TrainingError("is not YAML", source=source, field=where) from None
    if not isinstance(document, dict):
        raise TrainingError("is no mapping of keys to values", source=source)
    return document


def _put(document: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise TrainingError("is not KEY=VALUE", source="--set", field=override)
    *parents, last = key.split(".")
    part = document
    for parent in parents:
        part = part.setdefault(parent, {})
        if not isinstance(part, dict):
            raise TrainingError("has no parts", source="--set", field=parent)
    try:
        part[last] = yaml.load(text, _Loader)
    except yaml.YAMLError:
        raise TrainingError("is not YAML", source="--set", field=key) from None
