"""What an attack reached of top-1, held against its limit: for the verdict, tables and plots."""

import math
from dataclasses import dataclass

from training.audit.policy import Policy
from training.audit.report import Attack, Figure
from training.bootstrap import exact_bound


@dataclass(frozen=True)
class Level:
    """Top-1 of one attack at one number of windows put together; percent."""

    #: The attack's, followed by the number where there are several.
    name: str
    top1: Figure
    chance: float
    limit: float

    @property
    def over(self) -> bool:
        """Whether the upper bound is above the limit."""
        return self.top1.high > self.limit

    @property
    def telling(self) -> bool:
        """Whether the upper bound would be within the limit, if no more than a guess were found.

        Of a few long stays it is not, whatever the model says.
        """
        people = self.top1.people or self.top1.of
        return 100 * exact_bound(self.chance / 100, self.top1.of, people) <= self.limit

    @property
    def open(self) -> bool:
        """Whether it may be too much; where there are few to be found, by the mean."""
        return self.over and (self.telling or self.top1.mean > self.limit)

    @property
    def unclear(self) -> bool:
        """Whether it is within the limit by its mean alone, as there are few to be found."""
        return self.over and not self.open

    @property
    def sure(self) -> bool:
        """Whether the lower bound is above guessing."""
        return self.top1.low > self.chance

    @property
    def reach(self) -> float:
        """How far the upper bound goes, in limits."""
        return self.top1.high / self.limit if self.limit else math.inf


def level(attack: str, count: int | None, top1: Figure, chance: float, policy: Policy) -> Level:
    """``attack`` where ``count`` windows or draws were put together, None for single ones."""
    name = attack if count is None else f"{attack}-{count}"
    return Level(name, top1, chance, policy.limit(chance))


def levels(attack: Attack, policy: Policy) -> tuple[Level, ...]:
    """All of ``attack``, in its order; empty where it does not go for identity."""
    found = []
    if attack.identity is not None:
        whole = attack.identity
        found.append(level(attack.attack, None, whole.top1, whole.chance, policy))
    for point in attack.curve:
        found.append(level(attack.attack, point.count, point.top1, point.chance, policy))
    return tuple(found)


def worst(attack: Attack, policy: Policy) -> Level | None:
    """The level of ``attack`` that went furthest beyond its limit or came nearest to it.

    One of which there are too few to tell comes last of those beyond.
    """
    return max(levels(attack, policy), key=lambda one: (one.open, one.reach), default=None)
