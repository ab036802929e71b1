"""What an attack reached of top-1, held against its limit, as tables and plots show it."""

from dataclasses import dataclass

from training.audit.policy import Policy
from training.audit.report import Attack, Figure


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
    def sure(self) -> bool:
        """Whether the lower bound is above guessing."""
        return self.top1.low > self.chance


def levels(attack: Attack, policy: Policy) -> tuple[Level, ...]:
    """All of ``attack``, in its order; empty where it does not go for identity."""
    found = []
    if attack.identity is not None:
        found.append((attack.attack, attack.identity.top1, attack.identity.chance))
    for point in attack.curve:
        found.append((f"{attack.attack}-{point.count}", point.top1, point.chance))
    return tuple(Level(name, top1, chance, policy.limit(chance)) for name, top1, chance in found)


def worst(attack: Attack, policy: Policy) -> Level | None:
    """The level of ``attack`` that went furthest beyond its limit or came nearest to it."""
    return max(
        levels(attack, policy),
        key=lambda level: level.top1.high / level.limit if level.limit else 0.0,
        default=None,
    )
