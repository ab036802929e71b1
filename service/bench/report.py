"""A bench's figures for programs, for a terminal and for the README."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from service.bench.result import Result

_COLUMNS = ("What", "Measured", "Floor", "× floor", "Goal", "Met", "Floor is")


@dataclass(frozen=True)
class Report:
    """Everything that was measured, and where."""

    command: str
    date: str
    commit: str | None
    quick: bool
    machine: dict[str, Any]
    results: Sequence[Result]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "schema_version": 1,
            "command": self.command,
            "date": self.date,
            "commit": self.commit,
            "quick": self.quick,
            "machine": self.machine,
            "results": [result.to_dict() for result in self.results],
        }

    @property
    def place(self) -> str:
        """Command, commit, device and date in one line."""
        quick = ", quick: shows that it runs, not how fast" if self.quick else ""
        return (
            f"`{self.command}` at {self.commit or 'an unknown commit'}, {self.date[:10]}, on "
            f"{self.machine['cores']} cores of {self.machine['cpu']}{quick}"
        )

    def markdown(self) -> str:
        """The table that the README quotes."""
        lines = [_COLUMNS, tuple("---" for _ in _COLUMNS), *map(_row, self.results)]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        notes = "\n".join(
            f"- {result.name}: {result.note}." for result in self.results if result.note
        )
        return f"{table}\n\n{self.place}\n\n{notes}"

    def table(self) -> Table:
        """The table for a terminal."""
        table = Table(caption=self.place.replace("`", ""), caption_justify="left")
        for n, column in enumerate(_COLUMNS):
            table.add_column(column, justify="right" if 0 < n < 5 else "left")
        for result in self.results:
            style = "red" if result.met is False else None
            table.add_row(*_row(result), style=style)
        return table


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    digits = f"{value:.0f}" if not value or abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}"


def _row(result: Result) -> tuple[str, ...]:
    return (
        result.name,
        _figure(result.value, result.unit),
        _figure(result.floor, result.unit),
        "" if result.ratio is None else f"{result.ratio:.2f}",
        "" if result.goal is None else str(result.goal),
        {True: "yes", False: "no", None: ""}[result.met],
        result.floor_of,
    )
