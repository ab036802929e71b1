"""What the configurations of the networks have in common."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from models.manifest import first_problem


class NetworkConfig(BaseModel):
    """Frozen, checked settings of a network, as a checkpoint stores them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain values that JSON, YAML and ``torch.save`` keep."""
        return self.model_dump()

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any], source: str | None = None) -> Self:
        """The configuration of ``fields``. Raises :class:`ModelError` naming the wrong one."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise first_problem(error, source) from None
