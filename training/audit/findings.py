"""What one attack found with one seed, as it is kept on disk until the report is made."""

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from models.manifest import Part, Slug
from training.audit.verification import PairCounts
from training.evaluate import ReidScores, TargetScores

#: What an attack goes for.
Goal = Literal["identity", "picture", "noise", "attribute"]
#: Over what it was carried out: the model in question, or a cover that shows what the attack
#: can do (nothing at all, hardly anything) and what it cannot (people who were shuffled).
Cover = Literal["model", "raw", "weak", "shuffled"]


class Attribute(Part):
    """How well a property of a person other than who it is was told from windows."""

    name: Slug
    #: Of each test window: was it right, and who is in it.
    correct: tuple[bool, ...]
    subject: tuple[int, ...]
    #: Percent that the commonest value alone would get.
    chance: float


class Point(Part):
    """Identity, where ``count`` draws or consecutive windows were put together."""

    count: int = Field(ge=1)
    identity: ReidScores
    #: Percent of top-1 that a guess gets, which differs with the number of groups.
    chance: float


class Finding(Part):
    """What one attack found, with one seed, over one cover."""

    attack: Slug
    cover: Cover
    seed: int
    identity: ReidScores | None = None
    #: Percent of top-1 that a guess gets.
    chance: float | None = None
    verification: PairCounts | None = None
    #: Against the number of draws or windows, in increasing order.
    curve: tuple[Point, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    #: Other figures (SSIM, MSE, p-values), by names that the report shows.
    details: dict[str, JsonValue] = Field(default_factory=dict)
    #: True where the attack broke what it goes for whatever any rate says (repeated noise).
    broken: bool = False
    #: One sentence for the report where there is something to say.
    note: str = ""
    duration_s: float = 0.0

    @model_validator(mode="after")
    def _against_a_guess(self) -> Self:
        if (self.identity is None) != (self.chance is None):
            raise ValueError("identity has a chance, and nothing else")
        return self


class Skipped(Part):
    """An attack that was not carried out, and why."""

    attack: Slug
    cover: Cover
    seed: int
    reason: str


class Accuracy(Part):
    """How well a consumer of published windows does its task, with one seed."""

    consumer: Slug
    task: Slug
    scores: TargetScores
