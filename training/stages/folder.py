"""The folder of one stage: what it was made with, what it found, and whether it is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.manifest import first_problem
from training.errors import TrainingError
from training.evaluate import ReidScores, TargetScores
from training.files import read_json, write_json

_SETTINGS = "settings.json"
_DONE = "done.json"


class Done(BaseModel):
    """What a finished stage leaves besides its networks."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    duration_s: float
    scores: TargetScores | ReidScores | None = Field(default=None, discriminator="kind")


@dataclass(frozen=True)
class StageFolder:
    """``settings.json`` from its beginning, networks (``*.pt``), ``done.json`` at its end."""

    path: Path

    def open(self, settings: dict[str, Any]) -> Done | None:
        """Begin or go on with a stage of ``settings``; what it found, if it is finished.

        Raises :class:`TrainingError` if the folder holds one of other settings.
        """
        kept = self.path / _SETTINGS
        if not kept.exists():
            write_json(kept, settings)
            return None
        differing = _difference(read_json(kept), settings)
        if differing is not None:
            raise TrainingError(
                "differs from what this stage was begun with; remove the folder or choose another",
                source=str(self.path),
                field=differing,
            )
        done = self.path / _DONE
        if not done.exists():
            return None
        try:
            return TypeAdapter(Done).validate_json(done.read_bytes())
        except ValidationError as error:
            first = first_problem(error)
            raise TrainingError(first.problem, source=str(done), field=first.field) from None

    def close(self, done: Done) -> Done:
        """The stage is finished: nothing of it is done again."""
        write_json(self.path / _DONE, done.model_dump(mode="json"))
        return done

    def network(self, name: str) -> Path:
        """Where the network of that name is."""
        return self.path / f"{name}.pt"


def _difference(before: Any, now: Any, place: str = "") -> str | None:
    """The first key, with dots, whose value is another; None if there is none."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            found = _difference(before.get(key), now.get(key), f"{place}.{key}".lstrip("."))
            if found is not None:
                return found
        return None
    return None if before == now else place or "settings"
