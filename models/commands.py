"""``anonynoise models``."""

import json
import sys
from pathlib import Path
from typing import Any

import click
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.console import Console
from rich.table import Column, Table

from models.audit import read_public_key, unverified, verify
from models.classifier_manifest import ClassifierManifest
from models.errors import ModelError
from models.manifest import Manifest
from models.repository import (
    DEFAULT_MODEL,
    ClassifierModel,
    Model,
    Repository,
    reference,
    save,
)

#: Of the commands that show a model.
_AUDIT_KEY = click.option(
    "--audit-key",
    "key_file",
    metavar="PUB",
    type=click.Path(path_type=Path),
    help="audit.pub, to verify who says that a model was audited.",
)


def _public_key(path: Path | None) -> Ed25519PublicKey | None:
    try:
        return read_public_key(path) if path else None
    except ModelError as error:
        raise click.ClickException(str(error)) from None


def _audit(
    manifest: Manifest | ClassifierManifest, public_key: Ed25519PublicKey | None
) -> str | None:
    """The verdict in one line; None for a classifier, which is not audited.

    Without a key anybody may have made it.
    """
    if manifest.kind == "classifier":
        return None
    if manifest.audit is None:
        return "none"
    try:
        if public_key:
            said = verify(manifest.audit, manifest, public_key)
        else:
            said = unverified(manifest.audit).statement
    except ModelError as error:
        return f"untrusted: {error.problem}"
    doubt = "" if public_key else " (unverified)"
    return f"{said.verdict}, {said.suite} suite, {said.finished:%Y-%m-%d}{doubt}"


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def _print_table(table: Table) -> None:
    Console(file=sys.stdout).print(table)


def _purpose(manifest: Manifest | ClassifierManifest) -> str:
    return f"{manifest.task} classifier" if manifest.kind == "classifier" else manifest.profile


def _input(manifest: Manifest | ClassifierManifest) -> str:
    wanted = manifest.representation
    size = "any size" if wanted.width is None else f"{wanted.width}x{wanted.height}"
    if wanted.multiple_of > 1:
        size += f", padded to {wanted.multiple_of}"
    return f"{wanted.kind}, {wanted.bins} bins in {wanted.window_us} us, {size}"


@click.group()
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of models; default: $ANONYNOISE_MODELS, else the models that come along.",
)
@click.pass_context
def models(context: click.Context, root: Path | None) -> None:
    """Look at the models there are and check them.

    Example: anonynoise models list
    """
    context.obj = Repository(root)


@models.command("list")
@_AUDIT_KEY
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_models(repository: Repository, key_file: Path | None, as_json: bool) -> None:
    """List the models, and what is wrong with those that cannot be loaded.

    Example: anonynoise models list --json
    """
    rows = []
    titles = ("name", "version", "purpose", "input", "audit", "files")
    table = Table(*(Column(title, overflow="fold") for title in titles))
    public_key = _public_key(key_file)
    try:
        problems = repository.verify()
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    for name, problem in problems.items():
        manifest = None if problem else repository.load_any(name).manifest
        audit = _audit(manifest, public_key) if manifest else None
        rows.append(
            {
                "name": name,
                "default": name == DEFAULT_MODEL,
                "problem": problem,
                "audit": audit,
                "manifest": manifest and manifest.model_dump(mode="json"),
            }
        )
        shown = f"{name} (default)" if name == DEFAULT_MODEL else name
        if manifest is None:
            table.add_row(shown, "", "", "", "", problem)
        else:
            about = (manifest.version, _purpose(manifest), _input(manifest))
            table.add_row(shown, *about, audit, "ok")
    if as_json:
        _print_json(rows)
    else:
        _print_table(table)


def _load(repository: Repository, name: str) -> Model | ClassifierModel:
    try:
        return repository.load_any(reference(name))
    except ModelError as error:
        raise click.ClickException(str(error)) from None


@models.command("show")
@click.argument("name", default="default")
@_AUDIT_KEY
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as it is.")
@click.pass_obj
def show_model(repository: Repository, name: str, key_file: Path | None, as_json: bool) -> None:
    """Show the manifest of the model NAME, or of the model in the folder NAME.

    Example: anonynoise models show gaussian-4
    """
    manifest = _load(repository, name).manifest
    if as_json:
        click.echo(manifest.to_json(), nl=False)
        return
    table = Table("field", "value")
    shown = manifest.model_dump(mode="json")
    if audit := _audit(manifest, _public_key(key_file)):
        shown["audit"] = audit
    for field, value in shown.items():
        table.add_row(field, value if isinstance(value, str) else json.dumps(value))
    _print_table(table)


@models.command("verify")
@click.argument("name", required=False)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify_models(repository: Repository, name: str | None, device: Any, as_json: bool) -> None:
    """Check the hash of the model NAME (default: of every model), load it, and self-test it.

    Example: anonynoise models verify gaussian-4
    """
    # Slow to import, and needed by this command alone.
    from models.anonymizer import Anonymizer  # noqa: PLC0415
    from models.classifier import Classifier  # noqa: PLC0415

    rows = []
    table = Table("name", "provider", "result")
    try:
        names = [name] if name else list(repository.list())
    except ModelError as error:
        raise click.ClickException(str(error)) from None
    if not names:
        raise click.ClickException(f"no models below {repository.root}")
    for each in names:
        provider = problem = None
        try:
            model = repository.load_any(reference(each))
            loaded = (
                Anonymizer(model, device=device)
                if isinstance(model, Model)
                else Classifier(model, device=device)
            )
            loaded.self_test()
            provider = loaded.provider
        except ModelError as error:
            problem = str(error)
        rows.append({"name": each, "provider": provider, "problem": problem})
        table.add_row(each, provider, problem or "ok")
    if as_json:
        _print_json(rows)
    else:
        _print_table(table)
    failed = [row for row in rows if row["problem"]]
    if failed:
        raise click.ClickException(
            f"{len(failed)} of {len(rows)} models failed: {failed[0]['problem']}"
        )


@models.command("copy")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_obj
def copy_models(repository: Repository, folder: Path) -> None:
    """Copy every model into FOLDER, each whole or not at all; those there already stay.

    For a folder that the audit job writes to and the service reads.

    Example: anonynoise models copy /models
    """
    try:
        if folder.resolve() == repository.root.resolve():
            raise ModelError("is the repository that would be copied", source=str(folder))
        for name in repository.list():
            click.echo(f"{name}  {_copy(repository, name, Repository(folder))}")
    except ModelError as error:
        raise click.ClickException(str(error)) from None


def _copy(repository: Repository, name: str, other: Repository) -> str:
    model = repository.load_any(name)
    if not (other.root / name).exists():
        save(model, other.root / name)
        return "copied"
    try:
        there = other.load_any(name)
    except ModelError as error:
        return f"stays: {error}"
    same = _unaudited(there.manifest) == _unaudited(model.manifest)
    return "is there" if same else "stays: there is another one of that name"


def _unaudited(manifest: Manifest | ClassifierManifest) -> dict[str, Any]:
    return manifest.model_dump(exclude={"audit"})
