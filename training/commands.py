"""``anonynoise train``: the tables of the paper, from recordings to numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from training import provenance
from training.one_line import one_line
from training.process import set_up

_SHARED = (
    click.option(
        "--config",
        "config_name",
        default="small",
        show_default=True,
        help="paper, small, smoke, event-reid, or a YAML file.",
    ),
    click.option("--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Over the file."),
    click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        help="Folder of the data set.",
    ),
    click.option(
        "--run",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        required=True,
        help="Folder of networks, logs and results; what it holds already is not done again.",
    ),
    click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of windows that were cut already; default: RUN/cache.",
    ),
    click.option(
        "--seed",
        "seeds",
        type=click.IntRange(min=0),
        multiple=True,
        default=(0,),
        show_default=True,
        help="May be given several times.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table."),
)


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_SHARED):
        command = option(command)
    return command


@click.group()
def train() -> None:
    """Train anonymizers and attack them.

    A command that was stopped goes on where it stopped when it is called again.

    Example: anonynoise train table1 --config small --data gestures --run runs/small
    """


@train.command()
@_shared
def table1(**options: Any) -> None:
    """Raw windows, Gaussian noise and AnonyNoise, each attacked (paper, Table 1).

    Example: anonynoise train table1 --data gestures --run runs/small --seed 0 --seed 1
    """
    _train("table1", **options)


@train.command()
@_shared
def ablation(**options: Any) -> None:
    """Every variant of the anonymizer's input and output (paper, Table 3).

    Example: anonynoise train ablation --data gestures --run runs/small
    """
    _train("ablation", **options)


@train.command()
@_shared
def inversion(**options: Any) -> None:
    """A denoiser before the attacker (paper, Table 4).

    Example: anonynoise train inversion --data gestures --run runs/small
    """
    _train("inversion", **options)


@train.command()
@click.option(
    "--anonymizer",
    type=click.Path(path_type=Path),
    required=True,
    help="Checkpoint of another run's anonymizer: RUN/seed-0/pipeline/anonymizer.pt.",
)
@_shared
def generalization(anonymizer: Path, **options: Any) -> None:
    """An anonymizer on people and cameras it never saw (paper, Table 2).

    Example: anonynoise train generalization --config event-reid.yaml --data event-reid
    --run runs/event-reid --anonymizer runs/small/seed-0/pipeline/anonymizer.pt
    """
    _train("generalization", anonymizer=anonymizer, **options)


@train.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--experiment",
    type=click.Choice(["table1", "ablation", "inversion", "generalization"]),
    default="table1",
    show_default=True,
)
@click.option(
    "--results",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that EXPERIMENT.json and EXPERIMENT.md are written to; default: print only.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def report(runs: tuple[Path, ...], experiment: str, results: Path | None, as_json: bool) -> None:
    """Put the finished seeds of the run folders RUNS together.

    Example: anonynoise train report runs/a runs/b --results training/results/gesture
    """
    with one_line():
        # Slow to import, and needed by this command alone.
        from training.results import markdown, merged, publish, read_seed  # noqa: PLC0415

        found = [path for run in runs for path in sorted(run.glob(f"seed-*/{experiment}.json"))]
        document = merged([read_seed(path) for path in found])
        if results is not None:
            publish(document, results)
    click.echo(json.dumps(document, indent=1) if as_json else markdown(document), nl=as_json)


def _train(
    experiment: str,
    *,
    config_name: str,
    overrides: tuple[str, ...],
    data: Path,
    folder: Path,
    cache: Path | None,
    seeds: tuple[int, ...],
    as_json: bool,
    anonymizer: Path | None = None,
) -> None:
    with one_line():
        # Slow to import, and needed by these commands alone.
        from lightning.pytorch.utilities import rank_zero_only  # noqa: PLC0415

        from training.config import load_config  # noqa: PLC0415
        from training.datasets.load import load_dataset  # noqa: PLC0415
        from training.experiments import measure  # noqa: PLC0415
        from training.results import markdown, merged, publish  # noqa: PLC0415

        set_up()
        config = load_config(config_name, overrides)
        dataset = load_dataset(
            config.dataset.name,
            data,
            config.representation,
            config.dataset.window,
            cache or folder / "cache",
        )
        command = provenance.command()
        results = [
            measure(experiment, config, dataset, folder, seed, command, anonymizer)
            for seed in dict.fromkeys(seeds)
        ]
        document = merged(results)
        publish(document, folder)
    text = json.dumps(document, indent=1) if as_json else markdown(document)
    rank_zero_only(click.echo)(text, nl=as_json)


if __name__ == "__main__":
    train()
