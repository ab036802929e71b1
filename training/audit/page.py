"""The report as one HTML file: nothing is fetched, nothing runs, and it prints."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pydantic import JsonValue

from training.audit.drawn import drawings, is_png, is_public
from training.audit.equal_utility import compared
from training.audit.history import Past
from training.audit.levels import Level, levels, worst
from training.audit.plots import plots
from training.audit.report import Attack, Figure, Report

#: Earlier audits in the table; the plot shows all.
_MOST_PAST = 20
#: Longer lists of figures stand in the JSON file alone.
_LONGEST_LIST = 16

#: Equal error rate, in percent, of who decides by lot.
_KNOWS_NOTHING = 50
#: What is said first, in a word and in a sentence.
_VERDICTS = {
    "pass": ("Pass", "No attack that counts came above the limit."),
    "leak": ("Leak", "This model gives away more of who people are than its policy allows."),
    "undecided": ("Could not decide", "This audit does not show that the model may be used."),
}
_COVERS = {
    "model": "the model",
    "raw": "raw windows",
    "weak": "a weak cover",
    "shuffled": "shuffled people",
}


@dataclass(frozen=True)
class Picture:
    """A PNG in base64 and what it is."""

    name: str
    png: str


@dataclass(frozen=True)
class Pictures:
    """Pictures that belong together."""

    caption: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Threat:
    """An adversary, and the attacks that carry out what he does."""

    attacks: tuple[str, ...]
    text: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Detail:
    """A figure of an attack's own."""

    attack: str
    cover: str
    name: str
    value: JsonValue


def page(report: Report, history: Sequence[Past], report_sha256: str) -> str:
    """``report`` as HTML; the same arguments give the same text.

    ``history`` holds the audits of models of this name, this one among them, the earliest first;
    ``report_sha256`` is that of the report's JSON file. Of recordings that are not synthetic only
    what is published is shown, and what was made of it.
    """
    ordered = sorted(report.attacks, key=lambda one: one.cover != "model")
    model = [one for one in ordered if one.cover == "model"]
    measured = [(one, worst(one, report.policy)) for one in model]
    return _ENVIRONMENT.get_template("page.html").render(
        report=report,
        report_sha256=report_sha256,
        word=_VERDICTS[report.verdict][0],
        sentence=_VERDICTS[report.verdict][1],
        covers=_COVERS,
        metric={"top1": "top-1"},
        beaten=[(one, level) for one, level in measured if level and level.open],
        broken=[one for one in model if one.broken],
        attacks=measured,
        others=[(one, worst(one, report.policy)) for one in ordered if one.cover != "model"],
        curves=[
            (one, [level for level in levels(one, report.policy) if level.name != one.attack])
            for one in ordered
            if one.curve
        ],
        attributes=[(one, each) for one in ordered for each in one.attributes],
        threats=_threats(report),
        details=[detail for one in ordered for detail in _details(one)],
        compared=compared(report),
        pictures=[*_samples(report), *_drawn(report, ordered)],
        plots=plots(report, history),
        history=history[::-1][:_MOST_PAST],
        earlier=max(0, len(history) - _MOST_PAST),
    )


def _threats(report: Report) -> list[Threat]:
    """Every adversary once: several attacks may be of one."""
    texts = dict.fromkeys(attack.threat for attack in report.attacks)
    return [
        Threat(
            attacks=tuple(dict.fromkeys(one.attack for one in same)),
            text=text,
            notes=tuple(dict.fromkeys(_note(one, note) for one in same for note in one.notes)),
        )
        for text in texts
        for same in [[one for one in report.attacks if one.threat == text]]
    ]


def _note(attack: Attack, note: str) -> str:
    over = "" if attack.cover == "model" else f" over {_COVERS[attack.cover]}"
    return f"{attack.attack}{over}: {note}"


def _samples(report: Report) -> Iterator[Pictures]:
    for sample in report.samples:
        shown = [("published", sample.published)]
        if sample.raw is not None and report.data.synthetic:
            shown.insert(0, ("raw", sample.raw))
        pictures = tuple(Picture(name, png) for name, png in shown if is_png(png))
        if pictures:
            yield Pictures(sample.caption, pictures)


def _drawn(report: Report, attacks: Sequence[Attack]) -> Iterator[Pictures]:
    for attack in attacks:
        for number, group in enumerate(drawings(attack.details), start=1):
            pictures = tuple(
                Picture(name.replace("_", " "), png)
                for name, png in sorted(group.items())
                if report.data.synthetic or is_public(name)
            )
            if pictures:
                yield Pictures(f"{attack.attack} over {_COVERS[attack.cover]}, {number}", pictures)


def _details(attack: Attack) -> Iterator[Detail]:
    """The figures and words of ``attack.details``; what lies deeper has a longer name."""

    def flat(name: str, value: JsonValue) -> Iterator[tuple[str, JsonValue]]:
        if isinstance(value, dict):
            for key, one in value.items():
                yield from flat(f"{name}, {key}" if name else key, one)
        elif isinstance(value, list):
            if any(isinstance(one, dict | list) or is_png(one) for one in value):
                return
            short = len(value) <= _LONGEST_LIST
            yield name, ", ".join(map(_said, value)) if short else f"{len(value)} values"
        elif not is_png(value):
            yield name, value

    for name, value in flat("", attack.details):
        yield Detail(attack.attack, attack.cover, name.replace("_", " "), value)


def _said(value: JsonValue) -> str:
    """A plain value for people: four figures are enough."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _percent(value: float) -> str:
    return f"{value:.1f}"


def _interval(figure: Figure) -> str:
    return f"{figure.mean:.1f} % [{figure.low:.1f}, {figure.high:.1f}]"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _beats(level: Level, attack: Attack) -> str:
    """In words, how far an ``attack`` got whose upper bound is above its limit."""
    return (
        f"puts the right person first in {_interval(level.top1)} of queries; its upper bound is "
        f"above the limit of {level.limit:.1f} %, guessing gets {level.chance:.1f} %: "
        f"{_no_guess(level, attack)}"
    )


def _no_guess(level: Level, attack: Attack) -> str:
    if level.sure:
        return "this is more than guessing"
    # Of curves the pairs are of the most that were put together.
    whole = f"{attack.attack}-{attack.curve[-1].count}" if attack.curve else attack.attack
    told = attack.verification
    if told is not None and level.name == whole and told.eer.high < _KNOWS_NOTHING:
        return (
            "with so few people this alone could be guessing, but pairs of one person are told "
            f"from pairs of two, with an equal error rate of {_interval(told.eer)}"
        )
    return "with so few people this may still be guessing"


def _printable(value: object) -> object:
    """Text on one line, without characters that control a screen or turn words around."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "".join(c if c.isprintable() else "\ufffd" for c in re.sub(r"\s+", " ", value))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("training.audit", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "interval": _interval,
        "duration": _duration,
        "beats": _beats,
        "said": _said,
    }
    return environment


_ENVIRONMENT = _environment()
