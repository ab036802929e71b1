"""One attack of the audit, as its suites list it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from models.audit import Suite
from training.audit.case import Case
from training.audit.findings import Cover, Finding, Goal

Positive = Literal["raw", "weak"]


@dataclass(frozen=True)
class Attack:
    """What it goes for, when it runs, and what shows that it works."""

    name: str
    goal: Goal
    run: Callable[[Case], Finding]
    #: The adversary in words, for the report.
    threat: str
    suites: tuple[Suite, ...]
    #: Whether the verdict depends on it.
    gated: bool
    #: Over what it must succeed, to show that it can; None for what has no such cover.
    positive: Positive | None
    #: Whether it must fail where people were shuffled.
    negative: bool
    #: Suites that carry the controls out, too.
    controlled: tuple[Suite, ...]
    #: What it depends on beside the case: the digest of a file that the user gave.
    depends: str = ""

    @property
    def file(self) -> str:
        """Under which name a finding is kept: what this very attack found."""
        return "-".join(part for part in (self.name, self.depends[:12]) if part) + ".json"

    @property
    def controls(self) -> tuple[Cover, ...]:
        """Over what it shows that it works, the positive control first."""
        positive = () if self.positive is None else (self.positive,)
        return (*positive, "shuffled") if self.negative else positive
