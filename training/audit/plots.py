"""The plots of an audit's page: SVG that takes its colours from the page, light or dark."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, StrMethodFormatter

from training.audit.drawing import (
    ACCENT,
    BAD,
    DASHES,
    FAINT,
    GOOD,
    HOLLOW,
    INK,
    MARKS,
    SERIES,
    WARN,
    cross,
    dot,
    key,
    reach,
    row_names,
    svg,
)
from training.audit.equal_utility import ON_NOISE, found_alike
from training.audit.history import Past
from training.audit.levels import levels, worst
from training.audit.report import Attack, Figure, Report

_VERDICTS = {"pass": (GOOD, "o"), "leak": (BAD, "X"), "undecided": (WARN, "D")}


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
            colour = BAD if level.open else WARN if level.unclear else ACCENT
            dot(axes, level.top1, place, colour, filled=attack.gated)
            axes.plot(level.limit, place, "|", color=BAD, markersize=12, markeredgewidth=2)
            axes.plot(level.chance, place, "|", color=FAINT, markersize=12, markeredgewidth=2)
        row_names(axes, [level.name for _, level in rows])
        axes.set_xlim(left=0)
        axes.set_xlabel("right person first [%]")
        return [
            key("o", ACCENT, "counts for the verdict"),
            key("o", ACCENT, "does not", filled=False),
            key("|", FAINT, "guessing"),
            key("|", BAD, "limit"),
        ]

    over = [level.name for _, level in rows if level.open]
    return Plot(
        title="Every attack against its limit",
        caption="Share of queries whose right person ranks first, with 95 % intervals. "
        "Where an interval ends beyond the limit it is red, and yellow where there were too few to "
        "tell.",
        svg=svg(
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
    alike = found_alike(report) if report.baselines else None

    def draw(axes: Axes) -> list[Line2D]:
        axes.plot(
            [one.accuracy.mean for one in frontier],
            [one.top1.mean for one in frontier],
            "-",
            color=FAINT,
        )
        for one in report.baselines:
            cross(axes, one.accuracy, one.top1, FAINT, "o" if one.std else "s")
            axes.annotate(
                one.name,
                (one.accuracy.mean, one.top1.mean),
                xytext=(-6, 5),
                textcoords="offset points",
                ha="right",
                color=FAINT,
            )
        handles = [key("o-", FAINT, "Gaussian noise")] if frontier else []
        if len(frontier) < len(report.baselines):
            handles.append(key("s", FAINT, "raw windows"))
        if top is not None:
            risk = Figure(mean=top.value, low=top.low, high=top.high, of=1)
            for place, read in enumerate(points):
                mark = MARKS[(place + 2) % len(MARKS)]
                colour = SERIES[place % len(SERIES)]
                cross(axes, read.accuracy, risk, colour, mark, size=8)
                handles.append(key(mark, colour, f"{report.model.name}, {read.consumer}"))
                if alike is not None:
                    cross(axes, read.accuracy, alike, colour, "v")
            if points and alike is not None:
                handles.append(key("v", SERIES[0], f"the same, {ON_NOISE}"))
        axes.axhline(report.chance, color=FAINT, linestyle=":")
        handles.append(key(":", FAINT, "guessing"))
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
            + (f", {alike.mean:.1f} % with {ON_NOISE}" if alike is not None else "")
            for one in points
        ]
    return Plot(
        title="Privacy against utility",
        caption="The model stands at its worst attack that counts for the verdict, a baseline at "
        f"the only one that was made on it, {ON_NOISE}: what that finds of the model is the "
        "triangle. Where it is below the line of Gaussian noise the model is more private at the "
        "same accuracy.",
        svg=svg("plane", ". ".join(told) + ".", draw, height_in=4.2),
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
        handles = [key("o-", ACCENT, report.model.name)]
        middle = [level.top1.mean for level in found]
        axes.errorbar(
            counts,
            middle,
            yerr=reach([level.top1 for level in found]),
            color=ACCENT,
            marker="o",
            capsize=2.5,
        )
        for other, colour, mark in zip(others, SERIES[1:], MARKS[1:], strict=False):
            axes.errorbar(
                [point.count for point in other.curve],
                [point.top1.mean for point in other.curve],
                yerr=reach([point.top1 for point in other.curve]),
                color=colour,
                marker=mark,
                linestyle="--",
                capsize=2.5,
            )
            handles.append(key(f"{mark}--", colour, other.cover))
        axes.plot(counts, [level.limit for level in found], "-.", color=BAD)
        axes.plot(counts, [level.chance for level in found], ":", color=FAINT)
        handles += [key("-.", BAD, "limit"), key(":", FAINT, "guessing")]
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_locator(FixedLocator(counts))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(0, 104)
        axes.set_xlabel("K, put together")
        axes.set_ylabel("right person first [%]")
        return handles

    told = ", ".join(f"{point.count}: {point.top1.mean:.1f} %" for point in attack.curve)
    window_s = report.model.window_s
    length = "" if window_s is None else f" A window is {window_s:g} s."
    return Plot(
        title=f"{attack.attack}: accuracy against K",
        caption=f"The more draws or windows are put together, the less the noise hides.{length}",
        svg=svg(f"curve-{attack.attack}", f"Top-1 by number put together: {told}.", draw),
    )


def _cmc(report: Report) -> Plot | None:
    shown = [one for one in report.attacks if one.cmc and one.cover == "model"]
    known = [one for one in report.attacks if one.cmc and one.cover == "raw"][:1]
    if not shown:
        return None

    def draw(axes: Axes) -> list[Line2D]:
        handles = []
        for place, one in enumerate(shown):
            dash, colour = DASHES[place % len(DASHES)], SERIES[place % len(SERIES)]
            axes.plot(range(1, len(one.cmc) + 1), one.cmc, dash, color=colour)
            handles.append(key(dash, colour, one.attack))
        for one in known:
            axes.plot(range(1, len(one.cmc) + 1), one.cmc, "o-", color=FAINT, markersize=3)
            handles.append(key("o-", FAINT, f"{one.attack} on raw windows"))
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
        svg=svg(
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
            dot(axes, found.eer, place - 0.22, SERIES[0], "o")
            dot(axes, found.tpr_at_1, place, SERIES[1], "s")
            dot(axes, found.tpr_at_01, place + 0.22, SERIES[2], "^")
        axes.axvline(50, color=SERIES[0], linestyle=":")
        axes.axvline(1, color=SERIES[1], linestyle=":")
        row_names(axes, [name for name, _ in rows])
        axes.set_xlim(-2, 100)
        axes.set_xlabel("[%]; dotted: a verifier that knows nothing")
        return [
            key("o", SERIES[0], "equal error rate"),
            key("s", SERIES[1], "TPR at 1 % FPR"),
            key("^", SERIES[2], "TPR at 0.1 % FPR"),
        ]

    return Plot(
        title="Are two windows of one person?",
        caption="A verifier that knows nothing has an equal error rate (EER) of 50 % and accepts "
        "as many pairs of one person as of two: 1 % and 0.1 %. Lower EER and higher true positive "
        "rates (TPR) give people away.",
        svg=svg(
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
        axes.plot(places, [top.limit for _, top in shown], "-.", color=BAD)
        axes.plot(places, [top.chance for _, top in shown], ":", color=FAINT)
        for place, (one, top) in zip(places, shown, strict=True):
            colour, mark = _VERDICTS[one.verdict]
            same = (one.model_sha256, one.data_digest) == (report.model.sha256, report.data.digest)
            axes.plot([place, place], [top.low, top.high], "-", color=colour)
            axes.plot(place, top.value, mark, color=colour, **({} if same else HOLLOW))
        ticks = sorted({round(k * (len(shown) - 1) / 3) for k in range(4)})
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.set_xticks(ticks, [f"{shown[place][0].finished:%Y-%m-%d}" for place in ticks])
        axes.set_xlim(-0.5, len(shown) - 0.5)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("worst attack [%]")
        return [
            *(key(mark, colour, name) for name, (colour, mark) in _VERDICTS.items()),
            key("o", INK, "other model file or data", filled=False),
            key("-.", BAD, "limit"),
            key(":", FAINT, "guessing"),
        ]

    told = ", ".join(
        f"{one.finished:%Y-%m-%d}: {top.value:.1f} % ({one.verdict})" for one, top in shown[-10:]
    )
    return Plot(
        title="Audits over time",
        caption="The worst attack of each audit of a model of this name, in order. Hollow marks "
        "are of another model file or other data: their figures cannot be compared.",
        svg=svg("trend", f"The last audits: {told}.", draw),
    )
