"""``anonynoise serve``."""

import asyncio
from pathlib import Path
from typing import Any

import click

from events.core_dumps import forbid_core_dumps
from service.config import Config, ConfigError, load_config
from service.logs import set_up
from service.server import Server


@click.command(
    epilog="Example: anonynoise serve --camera hall=dv://127.0.0.1:7777 --model gaussian-4"
)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file; default: $ANONYNOISE_CONFIG.",
)
@click.option("--listen", metavar="HOST:PORT", help="Default: 127.0.0.1:8080.")
@click.option("--model", help="Name in the model repository, or a model's folder.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]))
@click.option("--camera", "cameras", multiple=True, metavar="ID=URL", help="May be repeated.")
@click.option(
    "--recognizer",
    "recognizers",
    multiple=True,
    metavar="TASK|NAME|FOLDER",
    help="Classifier that labels the cameras' windows; repeated, the first that fits the model.",
)
@click.option(
    "--recordings",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder that file:// cameras may read from.",
)
def command(
    path: Path | None, cameras: tuple[str, ...], recognizers: tuple[str, ...], **given: Any
) -> None:
    """Read cameras, anonymize their windows, serve them over REST and WebSocket."""
    overrides = {name: value for name, value in given.items() if value is not None}
    if cameras:
        overrides["cameras"] = ",".join(cameras)
    if recognizers:
        overrides["recognizers"] = recognizers
    try:
        config = load_config(path, **overrides)
        set_up(config.log_level)
        forbid_core_dumps()
        _run(config)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def _run(config: Config) -> None:
    async def main() -> None:
        server = Server(config)

        async def announce() -> None:
            await server.listening.wait()
            click.echo(f"listening on {server.url}", err=True)

        announcing = asyncio.create_task(announce())
        await server.run_until_stopped()
        announcing.cancel()

    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        asyncio.run(main())
    else:
        uvloop.run(main())
