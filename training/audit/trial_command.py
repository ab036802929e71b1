"""``anonynoise audit-trial``: is the audit right about models of which it is known?"""

from pathlib import Path
from typing import Any

import click

from training import provenance
from training.audit import options
from training.audit.undecided import undecided
from training.process import set_up

#: Of :mod:`training.audit.known_models`, which is slow to import.
MODELS = ("gaussian-4", "mirrored", "pass-through", "constant")


@click.command()
@options.data
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of trial.json and trial.md; what is there is gone on with.",
)
@click.option(
    "--model", "models", type=click.Choice(MODELS), multiple=True, help="Default: all of them."
)
@click.option("--runs", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--suite", type=click.Choice(["quick", "nightly", "full"]), default="quick")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the first run.")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), help="As for audit.")
@options.budget
@options.config
@options.overrides
def command(**given: Any) -> None:
    """Audit models of which it is known whether they leak, again and again.

    Says how often the audit is right. Who does not leak must never be taken for one who does;
    raw windows and noise too weak to hide anybody must be caught every time. A trial that was
    stopped goes on where it stopped when it is called again; exit code 2: it did not come to its
    end.

    Example: anonynoise audit-trial --data people --out trial --runs 20
    """
    with undecided():
        _trial(**given)


def _trial(
    folders: tuple[Path, ...],
    out: Path,
    models: tuple[str, ...],
    runs: int,
    suite: Any,
    seed: int,
    work: Path | None,
    budget: float | None,
    config_name: str,
    overrides: tuple[str, ...],
) -> None:
    # Slow to import, and needed by this command alone.
    from training.audit.audit import Settings  # noqa: PLC0415
    from training.audit.configuration import configured  # noqa: PLC0415
    from training.audit.data import enrolled, load  # noqa: PLC0415
    from training.audit.known_models import noisy  # noqa: PLC0415
    from training.audit.policy import Policy  # noqa: PLC0415
    from training.audit.trial import table, trial  # noqa: PLC0415
    from training.audit.under_way import held  # noqa: PLC0415
    from training.config import load_config  # noqa: PLC0415
    from training.errors import TrainingError  # noqa: PLC0415

    set_up()
    for folder in filter(enrolled, folders):
        # People agreed to an audit, and that what it leaves of them is deleted.
        raise TrainingError("was recorded for an audit, which a trial is not", source=str(folder))
    config = configured(load_config(config_name, overrides), noisy().manifest.representation)
    folder = work or out / "work"
    dataset, synthetic = load(folders, config.representation, folder / "cache")
    settings = Settings(
        suite=suite,
        policy=Policy(),
        config=config,
        work=folder,
        weights=None,
        seed=seed,
        budget_s=None if budget is None else 60 * budget,
        command=provenance.command(),
    )
    with held(out):
        found = trial(models or MODELS, runs, dataset, synthetic, settings, out)
    click.echo(table(found), nl=False)


if __name__ == "__main__":
    command()
