"""How an audit's plots are drawn: marks, intervals, keys, and SVG in the page's own colours."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from training.audit.report import Figure

#: Colours that no plot really has, and those of the page that they stand for.
INK, FAINT, LINE, PANEL = "#0000a1", "#0000a2", "#0000a3", "#0000a8"
GOOD, WARN, BAD, ACCENT = "#0000a4", "#0000a5", "#0000a6", "#0000a7"
SERIES = ("#0000b1", "#0000b2", "#0000b3", "#0000b4", "#0000b5", "#0000b6")
_VARIABLES = {
    INK: "--text",
    FAINT: "--faint",
    LINE: "--line",
    PANEL: "--panel",
    GOOD: "--good",
    WARN: "--warn",
    BAD: "--bad",
    ACCENT: "--accent",
    **{colour: f"--series-{place}" for place, colour in enumerate(SERIES, 1)},
}
#: Lines and marks differ as well as colours do.
MARKS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":")

_WIDTH_IN = 4.6
_HEIGHT_IN = 3.3
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "audit",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 8.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "text.color": INK,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}

HOLLOW: dict[str, Any] = {"markerfacecolor": PANEL}


def dot(
    axes: Axes, figure: Figure, place: float, colour: str, mark: str = "o", *, filled: bool = True
) -> None:
    """An interval that lies, with its mean."""
    axes.plot([figure.low, figure.high], [place, place], "-", color=colour)
    axes.plot(figure.mean, place, mark, color=colour, **({} if filled else HOLLOW))


def cross(axes: Axes, x: Figure, y: Figure, colour: str, mark: str, *, size: float = 5) -> None:
    """A point with an interval each way."""
    axes.plot([x.low, x.high], [y.mean, y.mean], "-", color=colour, linewidth=0.8)
    axes.plot([x.mean, x.mean], [y.low, y.high], "-", color=colour, linewidth=0.8)
    axes.plot(x.mean, y.mean, mark, color=colour, markersize=size)


def reach(figures: Sequence[Figure]) -> list[list[float]]:
    """How far intervals reach below and above their means."""
    return [
        [max(0.0, figure.mean - figure.low) for figure in figures],
        [max(0.0, figure.high - figure.mean) for figure in figures],
    ]


def row_names(axes: Axes, names: Sequence[str]) -> None:
    """Rows from the top down, each with its name."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def key(look: str, colour: str, label: str, *, filled: bool = True) -> Line2D:
    """An entry of a legend: ``look`` is a mark, a line or both."""
    mark = look[0] if look[0] in "os^DvPX|" else ""
    line: Any = look.removeprefix(mark)
    return Line2D(
        [],
        [],
        color=colour,
        marker=mark,
        linestyle=line or "none",
        label=label,
        **({} if filled else HOLLOW),
    )


def svg(
    name: str,
    alternative: str,
    draw: Callable[[Axes], list[Line2D]],
    *,
    height_in: float = _HEIGHT_IN,
) -> Markup:
    """What ``draw`` draws and keys, to be put into a page beside others of other ``name``."""
    file = io.StringIO()
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(_WIDTH_IN, height_in), layout="constrained")
        handles = draw(canvas.add_subplot())
        canvas.legend(handles=handles, loc="outside lower center", ncols=2)
        canvas.savefig(
            file,
            format="svg",
            transparent=True,
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
    svg = file.getvalue()
    inside = svg[svg.index("<svg") :]
    box = re.search(r'viewBox="[^"]*"', inside)
    assert box is not None
    # Names are of one document: those of several pictures in a page must differ.
    inside = re.sub(r'\bid="', f'id="{name}-', inside[inside.index(">") + 1 :])
    inside = re.sub(r"url\(#", f"url(#{name}-", inside)
    inside = re.sub(r'xlink:href="#', f'href="#{name}-', inside)
    for colour, variable in _VARIABLES.items():
        inside = inside.replace(colour, f"var({variable})")
    start = Markup('<svg role="img" aria-label="{}" {}>').format(alternative, Markup(box[0]))
    return start + Markup(inside)
