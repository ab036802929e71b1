"""What a model may leak, in the audit's own terms."""

from pydantic import Field

from models.manifest import Part

_HALF = 50.0


class Policy(Part):
    """Limits that the audit's verdict is given by. All figures are percentages."""

    #: The upper bound of every gated attack's top-1 may be this many times what guessing gets, and
    #: no more than a half: of whom the right name is said more often than not, he is found.
    over_chance: float = Field(default=2.0, ge=1)

    def limit(self, chance: float) -> float:
        """Where the upper bound of an attack's top-1 may be, if guessing gets ``chance``."""
        return round(min(max(_HALF, chance), self.over_chance * chance), 2)
