"""``anonynoise simulate``."""

import json
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from training.errors import TrainingError
from training.simulator.recordings import FORMATS, takes
from training.simulator.scenes import SCENES, scene_kind
from training.simulator.simulate import simulate_set

#: So many of a scene's lighting conditions unless others are asked for.
_LIGHTINGS = 4


def _chosen(lightings: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    if lightings is None:
        return known[:_LIGHTINGS]
    names = tuple(dict.fromkeys(name.strip() for name in lightings.split(",")))
    for name in names:
        if name not in known:
            raise TrainingError(f"{name!r} is none of {', '.join(known)}", source="--lightings")
    return names


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--scene", type=click.Choice(tuple(SCENES)), default="gesture", show_default=True)
@click.option(
    "--subjects", type=click.IntRange(1, 999), default=29, show_default=True,
    help="People; of 29 the last 6 are for testing.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--format", "file_format", type=click.Choice(tuple(FORMATS)), default="aedat4",
    show_default=True,
)  # fmt: skip
@click.option("--lightings", help="Names, with commas between.  [default: the scene's first four]")
@click.option(
    "--duration", "duration_s", type=click.FloatRange(0.1, 600), default=4.0, show_default=True,
    help="Seconds a recording.",
)  # fmt: skip
@click.option(
    "--repetitions", type=click.IntRange(1), default=1, show_default=True,
    help="Recordings of each subject, label and lighting.",
)  # fmt: skip
@click.option(
    "--test-repetitions", type=click.IntRange(1),
    help="Those of the people for testing: an audit needs long sessions of them, to be sure.  "
    "[default: as the others]",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes at work."
)
@click.option("--json", "as_json", is_flag=True, help="Print a summary as JSON.")
def command(
    out: Path,
    scene: str,
    subjects: int,
    seed: int,
    file_format: str,
    lightings: str | None,
    duration_s: float,
    repetitions: int,
    test_repetitions: int | None,
    jobs: int,
    as_json: bool,
) -> None:
    """Simulate a data set: recordings, labels.csv, subjects.csv and a contact sheet in OUT.

    The same seed gives the same recordings. Everything is synthetic: nobody was recorded.

    Example: anonynoise simulate gestures --scene gesture --subjects 29 --seed 0 --jobs 2
    """
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    start_s = time.monotonic()
    try:
        kind = scene_kind(scene)
        chosen = _chosen(lightings, kind.lightings)
        planned = takes(
            scene, chosen, seed=seed, subjects=subjects, repetitions=repetitions,
            test_repetitions=test_repetitions,
        )  # fmt: skip
        with Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal
        ) as progress:
            task = progress.add_task(f"simulating {scene}", total=len(planned))
            events = simulate_set(
                out, planned, duration_us=round(duration_s * 1e6), file_format=file_format,
                jobs=jobs, done=lambda: progress.advance(task),
            )  # fmt: skip
    except TrainingError as error:
        raise click.ClickException(str(error)) from None
    simulated_s = duration_s * len(planned)
    if as_json:
        summary = {
            "out": str(out),
            "scene": scene,
            "seed": seed,
            "subjects": subjects,
            "labels": list(kind.labels),
            "lightings": list(chosen),
            "recordings": len(planned),
            "events": events,
            "simulated_s": simulated_s,
            "took_s": round(time.monotonic() - start_s, 2),
        }
        click.echo(json.dumps(summary, indent=2))
    else:
        click.echo(f"{out}: {len(planned)} recordings, {simulated_s:g} s, {events} events")
