"""``anonynoise bench``."""

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.errors import ModelError
from service.bench import (
    anonymizer,
    decode,
    end_to_end,
    histogram,
    ingest,
    machine,
    noise,
    overload,
)
from service.bench.report import Report
from service.bench.result import BenchError, Effort, Result, Say

_Measure = Callable[[Effort, Say], Iterator[Result]]
_FAMILIES: dict[str, _Measure] = {
    "decode": decode.measure,
    "histogram": histogram.measure,
    "noise": noise.measure,
    "anonymizer": anonymizer.measure,
    "end-to-end": end_to_end.measure,
    "ingest": ingest.measure,
    "overload": overload.measure,
}
_OVERLOAD_S, _QUICK_OVERLOAD_S = 300.0, 20.0


def _chosen(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    wanted = {name.strip() for name in value.split(",")}
    if unknown := wanted - set(_FAMILIES):
        raise click.BadParameter(f"{min(unknown)!r} is none of {', '.join(_FAMILIES)}")
    return tuple(name for name in _FAMILIES if name in wanted)


@click.command(epilog="Example: anonynoise bench --only decode,histogram --json bench.json")
@click.option(
    "--json", "file", type=click.File("w", lazy=False), metavar="FILE", help="- for output."
)
@click.option("--markdown", is_flag=True, help="Print the table as the README quotes it.")
@click.option("--quick", is_flag=True, help="Show that everything runs; figures mean little.")
@click.option(
    "--only",
    "families",
    metavar="NAME,...",
    callback=_chosen,
    default=",".join(_FAMILIES),
    help=f"Of {', '.join(_FAMILIES)}; default: all.",
)
@click.option(
    "--overload-s",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help=f"Length of the overload; default: {_OVERLOAD_S:g}, quick {_QUICK_OVERLOAD_S:g}.",
)
def command(
    file: TextIO | None,
    markdown: bool,
    quick: bool,
    families: tuple[str, ...],
    overload_s: float | None,
) -> None:
    """Measure speed, each figure beside a floor measured in the same run.

    A goal that is missed is reported, and is no error. Measurements that take turns with
    their floor report the least disturbed run of each.
    """
    effort = Effort(quick, overload_s or (_QUICK_OVERLOAD_S if quick else _OVERLOAD_S))
    results: list[Result] = []
    problems = _measure(families, effort, results)
    report = Report(
        command=shlex.join(["anonynoise", "bench", *_arguments()]),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=machine.commit(),
        quick=quick,
        machine=machine.describe(),
        results=results,
    )
    if file:
        json.dump(report.to_dict(), file, indent=2)
        file.write("\n")
    # A program that reads the output finds nothing but JSON in it.
    to_stderr = file is not None and file.name == "<stdout>"
    if markdown:
        click.echo(report.markdown(), err=to_stderr)
    else:
        Console(stderr=to_stderr).print(report.table())
    if problems:
        raise click.ClickException("; ".join(problems))


def _arguments() -> list[str]:
    """What was typed behind ``bench``, without where the figures go."""
    context = click.get_current_context()
    given = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    }
    arguments = ["--quick"] if given.get("quick") else []
    if "families" in given:
        arguments += ["--only", ",".join(given["families"])]
    if "overload_s" in given:
        arguments += ["--overload-s", f"{given['overload_s']:g}"]
    return arguments


def _measure(families: tuple[str, ...], effort: Effort, results: list[Result]) -> list[str]:
    """Fill ``results``; return what could not be measured, and why. The rest is measured."""
    problems = []
    columns = (
        BarColumn(20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    console = Console(stderr=True)
    # Drawn only when there is something to say: drawing would disturb what is being timed.
    with Progress(*columns, console=console, auto_refresh=False, transient=True) as progress:
        task = progress.add_task("", total=len(families))

        def say(text: str) -> None:
            progress.update(task, description=text)
            if console.is_terminal:
                progress.refresh()
            else:
                print(text, file=sys.stderr, flush=True)

        for name in families:
            try:
                results.extend(_FAMILIES[name](effort, say))
            except (BenchError, ModelError) as error:
                problems.append(f"{name}: {error}")
            progress.advance(task)
    return problems
