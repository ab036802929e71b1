"""The report of an audit: one JSON document of a versioned schema, from which the page is made."""

from typing import Literal

from pydantic import Field, JsonValue

from models.audit import Suite, UtcTime, Verdict, Worst
from models.manifest import Part, Sha256, Slug
from training.audit.findings import Cover, Goal, Skipped
from training.audit.policy import Policy


class Figure(Part):
    """A mean in percent, its 95 % interval over people, and over how many values it is."""

    mean: float
    low: float
    high: float
    of: int
    #: Whose values they are. Not in reports of before it was asked.
    people: int | None = None


class Identity(Part):
    """How well people are found again; percent."""

    top1: Figure
    top5: Figure
    top10: Figure
    map: Figure
    #: Of top-1, by guessing.
    chance: float


class Verification(Part):
    """How well a verifier tells whether two windows are of one person; percent."""

    eer: Figure
    #: True positive rate at 1 % and at 0.1 % of false positives.
    tpr_at_1: Figure
    tpr_at_01: Figure


class CurvePoint(Part):
    """Top-1 where ``count`` draws or consecutive windows were put together."""

    count: int = Field(ge=1)
    top1: Figure
    chance: float


class Attribute(Part):
    """How often a property of a person was told right; percent."""

    name: Slug
    right: Figure
    chance: float


class Attack(Part):
    """What one attack found over one cover, all seeds together."""

    attack: Slug
    cover: Cover
    goal: Goal
    #: What the adversary knows and does: the first paragraph of the attack's own words.
    threat: str
    #: Whether the verdict depends on it.
    gated: bool
    seeds: tuple[int, ...]
    identity: Identity | None = None
    #: Percent of queries with a true match among the first 1, 2, ... 20.
    cmc: tuple[float, ...] = ()
    verification: Verification | None = None
    curve: tuple[CurvePoint, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    details: dict[str, JsonValue] = Field(default_factory=dict)
    broken: bool = False
    notes: tuple[str, ...] = ()
    duration_s: float = 0.0


class Control(Part):
    """Whether an attack is able to succeed, and fails where there is nothing to find."""

    attack: Slug
    cover: Literal["raw", "weak", "shuffled"]
    #: Which property of people was told; None: who they are. Not in reports of before these were
    #: controlled, too.
    attribute: Slug | None = None
    #: What it should be.
    expected: Literal["found", "chance"]
    #: How often the likeliest answer was right; percent, as guessing is.
    top1: Figure
    chance: float
    held: bool


class Utility(Part):
    """How much of the task is left; percent."""

    #: A shipped classifier, or ``retrained`` for one trained for this report alone.
    consumer: Slug
    task: Slug
    accuracy: Figure
    chance: float


class Baseline(Part):
    """Raw windows, or Gaussian noise of a standard deviation, for comparison."""

    name: Slug
    #: In counts; 0 for raw windows.
    std: float
    accuracy: Figure
    top1: Figure


class Sample(Part):
    """A window to look at: PNG in base64. ``raw`` only of synthetic recordings."""

    caption: str
    raw: str | None
    published: str


class Model(Part):
    """Which model was attacked."""

    name: Slug
    version: str
    profile: Slug
    sha256: Sha256
    manifest_sha256: Sha256
    #: How long a window is, in µs: what somebody tells in K of them he tells in that time.
    #: Not in reports of before models differed in it.
    window_us: int | None = None

    @property
    def window_s(self) -> float | None:
        """The same in seconds."""
        return None if self.window_us is None else self.window_us / 1e6


class Data(Part):
    """The recordings that were attacked."""

    name: str
    digest: Sha256
    synthetic: bool
    notes: tuple[str, ...]
    train: dict[str, int]
    test: dict[str, int]


class Report(Part):
    """One audit."""

    #: 2: the policy has no ``raw_top1``, which nothing looked at.
    schema_version: Literal[2] = 2
    model: Model
    suite: Suite
    data: Data
    policy: Policy
    verdict: Verdict
    reason: str
    worst: Worst | None
    #: Percent of top-1 by guessing whose single window one is.
    chance: float
    attacks: tuple[Attack, ...]
    controls: tuple[Control, ...]
    skipped: tuple[Skipped, ...]
    utility: tuple[Utility, ...]
    baselines: tuple[Baseline, ...]
    samples: tuple[Sample, ...] = ()
    seeds: tuple[int, ...]
    started: UtcTime
    finished: UtcTime
    #: Seconds of work behind it, also of earlier calls that it went on from.
    duration_s: float
    commit: str | None
    device: str
    command: str
