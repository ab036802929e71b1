"""Options that the audit's commands have in common."""

from pathlib import Path

import click

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
    help="Minutes for an audit, in place of the suite's own.",
)
overrides = click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Over the file."
)
