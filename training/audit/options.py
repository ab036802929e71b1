"""Options that the audit's commands have in common."""

import math
from pathlib import Path

import click


def finite(_: click.Context, __: click.Parameter, number: float | None) -> float | None:
    """Refuse what no range keeps out: NaN and infinity."""
    if number is not None and not math.isfinite(number):
        raise click.BadParameter("is not a finite number")
    return number


data = click.option(
    "--data",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="Folder of `simulate` or session of `enrol`; may be given several times.",
)
config = click.option(
    "--config", "config_name", default="small", show_default=True, help="As for train."
)
budget = click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    callback=finite,
    help="Minutes for an audit, in place of the suite's own.",
)
overrides = click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Over the file."
)
