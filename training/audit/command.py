"""``anonynoise audit``: attack a model as it is deployed."""

import json
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from events.core_dumps import forbid_core_dumps
from training import provenance
from training.audit import options
from training.audit.undecided import EXIT as UNDECIDED
from training.audit.undecided import undecided
from training.process import set_up

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from models.audit import SignedAudit
    from models.repository import Model
    from training.audit.audit import Settings
    from training.audit.report import Report
    from training.datasets.window_set import Dataset

#: Of the process, by verdict. What cannot be audited cannot be decided.
EXIT = {"pass": 0, "leak": 1, "undecided": UNDECIDED}


@click.command()
@click.argument("model")
@options.data
@click.option(
    "--suite",
    type=click.Choice(["quick", "nightly", "full"]),
    default="nightly",
    show_default=True,
    help="Within 10 minutes, 2 hours, 8 hours on two cores.",
)
@click.option(
    "--report",
    "out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of report.json, report.html and history.sqlite.",
)
@click.option("--key", type=click.Path(path_type=Path), help="Private key: signs the verdict.")
@click.option("--publish", is_flag=True, help="Put the signed verdict into MODEL's manifest.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Published weights of FireNet or E2VID, for the reconstruction attack.",
)
@click.option(
    "--work",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of what a stopped audit has done, and of recordings cut into windows, which later "
    "audits take, too; default: within the report's.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Of the attackers; default: new ones.")
@options.budget
@click.option(
    "--over-chance",
    type=click.FloatRange(min=1),
    callback=options.finite,
    default=2.0,
    show_default=True,
    help="Limit of top-1.",
)
@options.config
@options.overrides
@click.option("--json", "as_json", is_flag=True, help="Print the report instead of a summary.")
@click.pass_context
def command(context: click.Context, /, model: str, folders: tuple[Path, ...], **given: Any) -> None:
    """Attack MODEL, a name in the repository or a folder, and judge what it leaks.

    Exit code 0: pass, 1: leak, 2: could not decide. An audit that was stopped goes on where it
    stopped when it is called again.

    Example: anonynoise audit anonynoise-gesture --data gestures --suite quick --report audit
    """
    with undecided():
        forbid_core_dumps()
        verdict = _audit(model, folders, **given)
    context.exit(EXIT[verdict])


def _audit(
    name: str,
    folders: tuple[Path, ...],
    *,
    suite: Any,
    out: Path,
    key: Path | None,
    publish: bool,
    weights: Path | None,
    work: Path | None,
    seed: int | None,
    budget: float | None,
    over_chance: float,
    config_name: str,
    overrides: tuple[str, ...],
    as_json: bool,
) -> str:
    # Slow to import, and needed by this command alone.
    from models.audit import read_private_key, sign  # noqa: PLC0415
    from models.repository import Repository, reference  # noqa: PLC0415
    from training.audit.audit import Settings  # noqa: PLC0415
    from training.audit.configuration import configured  # noqa: PLC0415
    from training.audit.data import check_forgettable, load  # noqa: PLC0415
    from training.audit.policy import Policy  # noqa: PLC0415
    from training.audit.publish import write  # noqa: PLC0415
    from training.audit.statement import statement  # noqa: PLC0415
    from training.audit.under_way import held, own_folder, remove  # noqa: PLC0415
    from training.config import load_config  # noqa: PLC0415
    from training.errors import TrainingError  # noqa: PLC0415

    set_up()
    if publish and key is None:
        raise TrainingError("needs --key", field="--publish")
    # Before hours of work, not after.
    private_key = None if key is None else read_private_key(key)
    model = Repository().load(reference(name))
    if publish and model.folder is None:
        raise TrainingError("is in no folder", source=name, field="--publish")
    check_forgettable(folders)
    config = configured(load_config(config_name, overrides), model.manifest.representation)
    folder = work or out / "work"
    own = own_folder(folder, model.manifest, suite)
    cache = (folder if work else own) / "cache"
    dataset, synthetic = load(folders, config.representation, cache)
    settings = Settings(
        suite=suite,
        policy=Policy(over_chance=over_chance),
        config=config,
        work=own,
        weights=weights,
        seed=seed,
        budget_s=None if budget is None else 60 * budget,
        command=provenance.command(),
    )
    with held(own):
        report = _attacked(model, dataset, synthetic, settings)
        digest = write(report, out, out / "history.sqlite")
        # First of all: whatever comes after may fail.
        if as_json:
            click.echo(json.dumps(report.model_dump(mode="json"), indent=1))
        else:
            click.echo(f"{report.model.name}: {report.verdict}. {report.reason}")
            click.echo(f"{out / 'report.html'}")

        def told() -> None:
            if private_key is None:
                return
            signed = sign(statement(report, digest), private_key)
            if publish:
                assert model.folder is not None
                _publish(model.folder, signed, private_key.public_key())

        # The report stands. The last of these comes first, and none waits for another to succeed.
        with ExitStack() as after:
            after.callback(told)
            after.callback(remove, own)
            for session in folders:
                after.callback(_used, session, report.verdict)
    if work is None:
        with suppress(OSError):
            folder.rmdir()
    return report.verdict


def _attacked(
    model: "Model", dataset: "Dataset", synthetic: bool, settings: "Settings"
) -> "Report":
    """The report, while a bar on the terminal shows how far it has come."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    from training.audit.audit import audit  # noqa: PLC0415

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("attacks", total=None)

        def tell(done: int, all_: int) -> None:
            bar.update(task, completed=done, total=all_)

        return audit(model, dataset, synthetic, settings, tell)


def _publish(folder: Path, signed: "SignedAudit", public_key: "Ed25519PublicKey") -> None:
    """Put ``signed`` into the manifest in ``folder``, unless a leak stands there that it leaves."""
    from models import manifest as manifests  # noqa: PLC0415
    from models.audit import publish, unanswered_leak  # noqa: PLC0415
    from models.repository import MANIFEST_FILE  # noqa: PLC0415

    manifest = manifests.read(folder / MANIFEST_FILE)
    leak = unanswered_leak(manifest, signed.statement, public_key)
    if leak is None:
        publish(folder, signed)
    else:
        click.echo(
            f"{folder}: not published: the leak that the {leak.suite} suite found on "
            f"{leak.finished:%Y-%m-%d} stands until a suite as long decides otherwise",
            err=True,
        )


def _used(folder: Path, verdict: str) -> None:
    """Delete what was recorded of people, as they were told. Raises :class:`TrainingError`."""
    from training.audit.data import enrolled, forget  # noqa: PLC0415

    if not enrolled(folder):
        return
    # An audit that decided nothing is done again, and needs the people for it.
    if verdict == "undecided":
        click.echo(f"{folder}: still there, nothing was decided", err=True)
    else:
        gone = forget(folder)
        click.echo(f"{folder}: {'deleted after its use' if gone else 'kept'}", err=True)


if __name__ == "__main__":
    command()
