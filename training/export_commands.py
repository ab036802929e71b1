"""``anonynoise export``: what training needs is imported only where a network is exported."""

from pathlib import Path
from typing import Any

import click

from models.gaussian import gaussian
from models.repository import ClassifierModel, Model, Repository, reference, save
from training.one_line import one_line

_OUT = click.argument("out", type=click.Path(path_type=Path))
_CHECKPOINT = click.argument("checkpoint", type=click.Path(path_type=Path))
_NAME = click.option("--name", help="Default: the last part of OUT.")
_VERSION = click.option("--version", default="1.0.0", show_default=True)
_DESCRIPTION = click.option("--description", default="", help="For people, in the manifest.")


@click.group()
def export() -> None:
    """Write a model folder: model.onnx and manifest.json.

    Example: anonynoise export gaussian ./gaussian-8 --std 8
    """


@export.command("gaussian")
@_OUT
@click.option("--std", type=float, default=4.0, show_default=True, help="In counts.")
@click.option("--bins", type=int, default=5, show_default=True, help="Temporal bins T.")
@click.option("--window-us", type=int, default=100_000, show_default=True)
@_NAME
def export_gaussian(out: Path, std: float, bins: int, window_us: int, name: str | None) -> None:
    """Write the Gaussian-noise baseline, y = x + std * z, as the new folder OUT.

    Example: anonynoise export gaussian ./gaussian-8 --std 8
    """
    with one_line():
        model = gaussian(std, bins=bins, window_us=window_us, name=name or out.resolve().name)
        save(model, out)
    click.echo(f"{out}: {model.manifest.name} {model.manifest.sha256}")


@export.command("anonymizer")
@_CHECKPOINT
@_OUT
@_NAME
@_VERSION
@_DESCRIPTION
@click.option("--profile", default="anti-reid", show_default=True)
@click.option(
    "--windows",
    type=click.Path(path_type=Path),
    help="A .npy file of counts [N, 2T, H, W]: the self-test's limits are taken from them.",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    help="table1.json of `train report`: what was found goes into the manifest.",
)
def export_anonymizer(
    checkpoint: Path, out: Path, windows: Path | None, results: Path | None, **fields: Any
) -> None:
    """Write the trained anonymizer CHECKPOINT as the new folder OUT.

    ONNX Runtime must give what torch gives, and the service's self-test must pass, or there
    is no OUT.

    Example: anonynoise export anonymizer run/anonymizer.pt ./mine --windows quiet.npy
    """
    with one_line():
        from training import export as exports  # noqa: PLC0415 - needs torch
        from training.calibration import read_windows  # noqa: PLC0415
        from training.checkpoint import load_checkpoint  # noqa: PLC0415
        from training.results import found  # noqa: PLC0415

        trained = load_checkpoint(checkpoint, "anonymizer")
        model = exports.export_anonymizer(
            trained.network(),  # type: ignore[arg-type]
            out,
            representation=trained.representation,
            trained_on=trained.trained_on,
            metrics=trained.metrics if results is None else found(results, "anonynoise"),
            calibration=None if windows is None else read_windows(windows),
            **fields,
        )
    _say(out, model)


@export.command("classifier")
@_CHECKPOINT
@_OUT
@_NAME
@_VERSION
@_DESCRIPTION
@click.option("--task", required=True, help="What it tells apart, e.g. gesture or emotion.")
@click.option("--anonymizer", required=True, help="Name or folder of the model it belongs to.")
@click.option(
    "--fewest-events",
    type=click.IntRange(min=0),
    default=0,
    help="A window with fewer gets no label: 0, 1, 1000, ... (powers of a thousand).",
)
def export_classifier(checkpoint: Path, out: Path, anonymizer: str, **fields: Any) -> None:
    """Write the target network CHECKPOINT, trained on a model's output, as the new folder OUT.

    Example: anonynoise export classifier run/target.pt ./mine-gesture --task gesture
    --anonymizer ./mine
    """
    with one_line():
        from training import export as exports  # noqa: PLC0415 - needs torch
        from training.checkpoint import load_checkpoint  # noqa: PLC0415

        trained = load_checkpoint(checkpoint, "target")
        model = exports.export_classifier(
            trained.network(),  # type: ignore[arg-type]
            out,
            representation=trained.representation,
            labels=trained.labels,
            anonymizer=Repository().load(reference(anonymizer)),
            trained_on=trained.trained_on,
            metrics=trained.metrics,
            **fields,
        )
    _say(out, model)


def _say(out: Path, model: Model | ClassifierModel) -> None:
    manifest = model.manifest
    click.echo(f"{out}: {manifest.name} {manifest.sha256}, {len(model.onnx_bytes) / 1e6:.2f} MB")
