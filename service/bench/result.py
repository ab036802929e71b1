"""What a measurement says: a value beside its floor, and whether it reaches its goal."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

#: Told in one line what is being measured now.
Say = Callable[[str], None]


class BenchError(Exception):
    """A measurement that could not be made, in one line."""


@dataclass(frozen=True)
class Effort:
    """How long to measure. ``quick`` shows that a measurement runs, not what it says."""

    quick: bool
    overload_s: float

    def choose(self, full: int, quick: int) -> int:
        """The one of two sizes that fits."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Goal:
    """At least, or at most, so much."""

    value: float
    direction: Literal["at least", "at most"] = "at least"

    def met_by(self, value: float) -> bool:
        """Whether ``value`` reaches it."""
        return value >= self.value if self.direction == "at least" else value <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.direction == 'at least' else '≤'} {self.value:g}"


@dataclass(frozen=True)
class Result:
    """One figure. Rates are M events/s, more is better; everything else is better small.

    ``floor`` is the same figure for ``floor_of``, the least that has to be done anyway.
    """

    family: str
    name: str
    value: float
    unit: str
    floor: float | None
    floor_of: str
    goal: Goal | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times the floor's cost this is; 1 is the floor itself."""
        if not self.floor or not self.value:
            return None
        return self.floor / self.value if self.unit.endswith("/s") else self.value / self.floor

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        return None if self.goal is None else self.goal.met_by(self.value)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "family": self.family,
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "floor": self.floor,
            "floor_of": self.floor_of,
            "ratio": self.ratio,
            "goal": None if self.goal is None else str(self.goal),
            "met": self.met,
            "note": self.note,
            "details": self.details,
        }
