"""The plots of an audit's page: SVG that takes its colours from the page, light or dark."""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from training.audit.history import Past
from training.audit.levels import levels, worst
from training.audit.report import Attack, Figure, Report

#: Colours that no plot really has, and those of the page that they stand for.
_INK, _FAINT, _LINE, _PANEL = "#0000a1", "#0000a2", "#0000a3", "#0000a8"
_GOOD, _WARN, _BAD, _ACCENT = "#0000a4", "#0000a5", "#0000a6", "#0000a7"
_SERIES = ("#0000b1", "#0000b2", "#0000b3", "#0000b4", "#0000b5", "#0000b6")
_VARIABLES = {
    _INK: "--text",
    _FAINT: "--faint",
    _LINE: "--line",
    _PANEL: "--panel",
    _GOOD: "--good",
    _WARN: "--warn",
    _BAD: "--bad",
    _ACCENT: "--accent",
    **{colour: f"--series-{place}" for place, colour in enumerate(_SERIES, 1)},
}
#: Lines and marks differ as well as colours do.
_MARKS = ("o", "s", "^", "D", "v", "P")
_DASHES = ("-", "--", "-.", ":")
_VERDICTS = {"pass": (_GOOD, "o"), "leak": (_BAD, "X"), "undecided": (_WARN, "D")}

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
    "text.color": _INK,
    "axes.facecolor": "none",
    "axes.labelcolor": _INK,
    "axes.edgecolor": _FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
}


@dataclass(frozen=True)
class Plot:
    """A picture for the page."""

    title: str
    #: How to read it.
    caption: str
    #: With a text for who does not see it.
    svg: Markup


def plots(report: Report, history: Sequence[Past]) -> tuple[Plot, ...]:
    """All that ``report`` has figures for, the most important first."""
    model = [attack for attack in report.attacks if attack.cover == "model"]
    made = [
        _overview(report, model),
        _plane(report),
        *(_curve(report, attack) for attack in model),
        _cmc(report),
        _verifier(model),
        _trend(report, history),
    ]
    return tuple(plot for plot in made if plot is not None)


def _overview(report: Report, model: Sequence[Attack]) -> Plot | None:
    rows = [(attack, level) for attack in model if (level := worst(attack, report.policy))]
    if not rows:
        return None

    def draw(axes: Axes) -> list[Line2D]:
        for place, (attack, level) in enumerate(rows):
            colour = _BAD if level.over else _ACCENT
            _dot(axes, level.top1, place, colour, filled=attack.gated)
            axes.plot(level.limit, place, "|", color=_BAD, markersize=12, markeredgewidth=2)
            axes.plot(level.chance, place, "|", color=_FAINT, markersize=12, markeredgewidth=2)
        _rows(axes, [level.name for _, level in rows])
        axes.set_xlim(left=0)
        axes.set_xlabel("right person first [%]")
        return [
            _key("o", _ACCENT, "counts for the verdict"),
            _key("o", _ACCENT, "does not", filled=False),
            _key("|", _FAINT, "guessing"),
            _key("|", _BAD, "limit"),
        ]

    over = [level.name for _, level in rows if level.over]
    return Plot(
        title="Every attack against its limit",
        caption="Share of queries whose right person ranks first, with 95 % intervals. "
        "Where an interval ends beyond the limit it is red.",
        svg=_svg(
            "overview",
            f"Intervals of {len(rows)} attacks. Above the limit: {', '.join(over) or 'none'}.",
            draw,
            height_in=1.3 + 0.27 * len(rows),
        ),
    )


def _plane(report: Report) -> Plot | None:
    top = report.worst
    points = report.utility if top is not None and top.metric == "top1" else ()
    if not points and not report.baselines:
        return None
    frontier = sorted((one for one in report.baselines if one.std), key=lambda one: one.std)

    def draw(axes: Axes) -> list[Line2D]:
        axes.plot(
            [one.accuracy.mean for one in frontier],
            [one.top1.mean for one in frontier],
            "-",
            color=_FAINT,
        )
        for one in report.baselines:
            _cross(axes, one.accuracy, one.top1, _FAINT, "o" if one.std else "s")
            axes.annotate(
                one.name,
                (one.accuracy.mean, one.top1.mean),
                xytext=(-6, 5),
                textcoords="offset points",
                ha="right",
                color=_FAINT,
            )
        handles = [_key("o-", _FAINT, "Gaussian noise")] if frontier else []
        if len(frontier) < len(report.baselines):
            handles.append(_key("s", _FAINT, "raw windows"))
        if top is not None:
            risk = Figure(mean=top.value, low=top.low, high=top.high, of=1)
            for place, read in enumerate(points):
                mark = _MARKS[(place + 2) % len(_MARKS)]
                colour = _SERIES[place % len(_SERIES)]
                _cross(axes, read.accuracy, risk, colour, mark, size=8)
                handles.append(_key(mark, colour, f"{report.model.name}, {read.consumer}"))
        axes.axhline(report.chance, color=_FAINT, linestyle=":")
        handles.append(_key(":", _FAINT, "guessing"))
        axes.set_xlim(0, 104)
        axes.set_ylim(0, 104)
        axes.set_xlabel("accuracy of the task [%]: further right is more useful")
        axes.set_ylabel("right person first [%]: lower is more private")
        return handles

    told = [
        f"{one.name}: accuracy {one.accuracy.mean:.1f} %, top-1 {one.top1.mean:.1f} %"
        for one in report.baselines
    ]
    if top is not None:
        told += [
            f"{report.model.name} read by {one.consumer}: accuracy {one.accuracy.mean:.1f} %, "
            f"top-1 {top.value:.1f} %"
            for one in points
        ]
    return Plot(
        title="Privacy against utility",
        caption="The model stands at its worst attack that counts for the verdict, a baseline at "
        "the attack that was made on it. Below the line of Gaussian noise a model is more private "
        "at the same accuracy.",
        svg=_svg("plane", ". ".join(told) + ".", draw, height_in=4.2),
    )


def _curve(report: Report, attack: Attack) -> Plot | None:
    if len(attack.curve) < 2:
        return None
    found = [level for level in levels(attack, report.policy) if level.name != attack.attack]
    counts = [point.count for point in attack.curve]
    others = [
        other
        for other in report.attacks
        if other.attack == attack.attack and other.cover != "model" and len(other.curve) > 1
    ]

    def draw(axes: Axes) -> list[Line2D]:
        handles = [_key("o-", _ACCENT, report.model.name)]
        middle = [level.top1.mean for level in found]
        axes.errorbar(
            counts,
            middle,
            yerr=_reach([level.top1 for level in found]),
            color=_ACCENT,
            marker="o",
            capsize=2.5,
        )
        for other, colour, mark in zip(others, _SERIES[1:], _MARKS[1:], strict=False):
            axes.errorbar(
                [point.count for point in other.curve],
                [point.top1.mean for point in other.curve],
                yerr=_reach([point.top1 for point in other.curve]),
                color=colour,
                marker=mark,
                linestyle="--",
                capsize=2.5,
            )
            handles.append(_key(f"{mark}--", colour, other.cover))
        axes.plot(counts, [level.limit for level in found], "-.", color=_BAD)
        axes.plot(counts, [level.chance for level in found], ":", color=_FAINT)
        handles += [_key("-.", _BAD, "limit"), _key(":", _FAINT, "guessing")]
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(counts))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(0, 104)
        axes.set_xlabel("K, put together")
        axes.set_ylabel("right person first [%]")
        return handles

    told = ", ".join(f"{point.count}: {point.top1.mean:.1f} %" for point in attack.curve)
    return Plot(
        title=f"{attack.attack}: accuracy against K",
        caption="The more draws or windows are put together, the more noise averages out.",
        svg=_svg(f"curve-{attack.attack}", f"Top-1 by number put together: {told}.", draw),
    )


def _cmc(report: Report) -> Plot | None:
    shown = [one for one in report.attacks if one.cmc and one.cover == "model"]
    known = [one for one in report.attacks if one.cmc and one.cover == "raw"][:1]
    if not shown:
        return None

    def draw(axes: Axes) -> list[Line2D]:
        handles = []
        for place, one in enumerate(shown):
            dash, colour = _DASHES[place % len(_DASHES)], _SERIES[place % len(_SERIES)]
            axes.plot(range(1, len(one.cmc) + 1), one.cmc, dash, color=colour)
            handles.append(_key(dash, colour, one.attack))
        for one in known:
            axes.plot(range(1, len(one.cmc) + 1), one.cmc, "o-", color=_FAINT, markersize=3)
            handles.append(_key("o-", _FAINT, f"{one.attack} on raw windows"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(left=1)
        axes.set_ylim(0, 104)
        axes.set_xlabel("rank")
        axes.set_ylabel("right person among the first [%]")
        return handles

    return Plot(
        title="Cumulative match (CMC)",
        caption="Share of queries whose right person is among the first so many. "
        "All attacks end high, for few people are compared: the left end tells.",
        svg=_svg(
            "cmc",
            ". ".join(f"{one.attack}: {one.cmc[0]:.1f} % at rank 1" for one in shown) + ".",
            draw,
            height_in=3.4 + 0.1 * len(shown),
        ),
    )


def _verifier(model: Sequence[Attack]) -> Plot | None:
    rows = [(one.attack, one.verification) for one in model if one.verification]
    if not rows:
        return None

    def draw(axes: Axes) -> list[Line2D]:
        for place, (_, found) in enumerate(rows):
            _dot(axes, found.eer, place - 0.22, _SERIES[0], "o")
            _dot(axes, found.tpr_at_1, place, _SERIES[1], "s")
            _dot(axes, found.tpr_at_01, place + 0.22, _SERIES[2], "^")
        axes.axvline(50, color=_SERIES[0], linestyle=":")
        axes.axvline(1, color=_SERIES[1], linestyle=":")
        _rows(axes, [name for name, _ in rows])
        axes.set_xlim(-2, 100)
        axes.set_xlabel("[%]; dotted: a verifier that knows nothing")
        return [
            _key("o", _SERIES[0], "equal error rate"),
            _key("s", _SERIES[1], "TPR at 1 % FPR"),
            _key("^", _SERIES[2], "TPR at 0.1 % FPR"),
        ]

    return Plot(
        title="Are two windows of one person?",
        caption="A verifier that knows nothing has an equal error rate (EER) of 50 % and accepts "
        "as many pairs of one person as of two: 1 % and 0.1 %. Lower EER and higher true positive "
        "rates (TPR) give people away.",
        svg=_svg(
            "verification",
            ". ".join(f"{name}: EER {found.eer.mean:.1f} %" for name, found in rows) + ".",
            draw,
            height_in=1.3 + 0.36 * len(rows),
        ),
    )


def _trend(report: Report, history: Sequence[Past]) -> Plot | None:
    shown = [(one, one.worst) for one in history if one.worst is not None]
    if len(shown) < 2:
        return None
    places = range(len(shown))

    def draw(axes: Axes) -> list[Line2D]:
        axes.plot(places, [top.limit for _, top in shown], "-.", color=_BAD)
        axes.plot(places, [top.chance for _, top in shown], ":", color=_FAINT)
        for place, (one, top) in zip(places, shown, strict=True):
            colour, mark = _VERDICTS[one.verdict]
            same = (one.model_sha256, one.data_digest) == (report.model.sha256, report.data.digest)
            axes.plot([place, place], [top.low, top.high], "-", color=colour)
            axes.plot(place, top.value, mark, color=colour, **({} if same else _HOLLOW))
        ticks = sorted({round(k * (len(shown) - 1) / 3) for k in range(4)})
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.set_xticks(ticks, [f"{shown[place][0].finished:%Y-%m-%d}" for place in ticks])
        axes.set_xlim(-0.5, len(shown) - 0.5)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("worst attack [%]")
        return [
            *(_key(mark, colour, name) for name, (colour, mark) in _VERDICTS.items()),
            _key("o", _INK, "other model file or data", filled=False),
            _key("-.", _BAD, "limit"),
            _key(":", _FAINT, "guessing"),
        ]

    told = ", ".join(
        f"{one.finished:%Y-%m-%d}: {top.value:.1f} % ({one.verdict})" for one, top in shown[-10:]
    )
    return Plot(
        title="Audits over time",
        caption="The worst attack of each audit of a model of this name, in order. Hollow marks "
        "are of another model file or other data: their figures cannot be compared.",
        svg=_svg("trend", f"The last audits: {told}.", draw),
    )


_HOLLOW: dict[str, Any] = {"markerfacecolor": _PANEL}


def _dot(
    axes: Axes, figure: Figure, place: float, colour: str, mark: str = "o", *, filled: bool = True
) -> None:
    """An interval that lies, with its mean."""
    axes.plot([figure.low, figure.high], [place, place], "-", color=colour)
    axes.plot(figure.mean, place, mark, color=colour, **({} if filled else _HOLLOW))


def _cross(axes: Axes, x: Figure, y: Figure, colour: str, mark: str, *, size: float = 5) -> None:
    """A point with an interval each way."""
    axes.plot([x.low, x.high], [y.mean, y.mean], "-", color=colour, linewidth=0.8)
    axes.plot([x.mean, x.mean], [y.low, y.high], "-", color=colour, linewidth=0.8)
    axes.plot(x.mean, y.mean, mark, color=colour, markersize=size)


def _reach(figures: Sequence[Figure]) -> list[list[float]]:
    """How far intervals reach below and above their means."""
    return [
        [max(0.0, figure.mean - figure.low) for figure in figures],
        [max(0.0, figure.high - figure.mean) for figure in figures],
    ]


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _key(look: str, colour: str, label: str, *, filled: bool = True) -> Line2D:
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
        **({} if filled else _HOLLOW),
    )


def _svg(
    key: str,
    alternative: str,
    draw: Callable[[Axes], list[Line2D]],
    *,
    height_in: float = _HEIGHT_IN,
) -> Markup:
    """What ``draw`` draws and keys, to be put into a page beside others of other ``key``."""
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
    inside = re.sub(r'\bid="', f'id="{key}-', inside[inside.index(">") + 1 :])
    inside = re.sub(r"url\(#", f"url(#{key}-", inside)
    inside = re.sub(r'xlink:href="#', f'href="#{key}-', inside)
    for colour, variable in _VARIABLES.items():
        inside = inside.replace(colour, f"var({variable})")
    start = Markup('<svg role="img" aria-label="{}" {}>').format(alternative, Markup(box[0]))
    return start + Markup(inside)
