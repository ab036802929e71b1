"""The one error that a model raises."""

_LONGEST = 400


def _one_line(text: str) -> str:
    """``text`` on one line, short, and without characters that could drive a terminal."""
    line = " ".join(text.split())
    shown = "".join(c if c.isprintable() else "?" for c in line)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."


class ModelError(ValueError):
    """A model that cannot be trusted or run, said in one line.

    ``source`` names the file or model, ``field`` the part of it that is wrong.
    The message never quotes event data.
    """

    def __init__(
        self, problem: str, *, source: str | None = None, field: str | None = None
    ) -> None:
        self.problem = problem
        self.source = source
        self.field = field
        super().__init__(_one_line(": ".join([*filter(None, (source, field)), problem])))
