"""``anonynoise demo``."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from events.core_dumps import forbid_core_dumps
from models.errors import ModelError
from models.repository import Repository, reference
from service.address import Address
from service.classifiers import fitting
from service.commands.options import parse_address
from service.config import CameraConfig, Config, ConfigError
from service.logs import set_up
from service.server import Server, bind, running
from service.stop import until_stopped
from service.watch import SeenWindow, ServiceClient, ServiceGone

_CAMERA = "stand-in"
_UNATTENDED_WINDOWS = 30
_PIPE_COLUMNS = 110
#: How often the label of a window is asked for, and how long.
_ASK_S, _LABEL_S = 0.02, 2.0


@click.command(epilog="Example: anonynoise demo --headless --windows 20")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=parse_address,
    default="127.0.0.1:8080",
    show_default=True,
    help="Where the page is; another port where this one is taken.",
)
@click.option("--model", default="default", help="Name in the model repository, or a folder.")
@click.option("--headless", is_flag=True, help="Print a table of windows, then end.")
@click.option("--windows", type=click.IntRange(min=1), help="How many; implies --headless.")
def command(listen: Address, model: str, headless: bool, windows: int | None) -> None:
    """Show the main job: a camera stand-in, the service, and a consumer.

    The stand-in plays a synthetic recording over TCP, as a DV camera sends it. Without a
    terminal, or with --headless, it ends after some windows.
    """
    set_up("warning")
    forbid_core_dumps()
    unattended = headless or windows is not None or not sys.stdout.isatty()
    count = (windows or _UNATTENDED_WINDOWS) if unattended else None
    try:
        asyncio.run(until_stopped(_demo(listen, model, count)))
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


async def _demo(listen: Address, model: str, count: int | None) -> None:
    recognizers = _recognizers(model)
    async with _stand_in() as camera:
        config = Config(
            listen=str(_free(listen)),
            model=model,
            cameras=(CameraConfig(id=_CAMERA, url=f"dv://{camera}"),),
            recognizers=recognizers,
        )
        async with running(config) as server:
            if problem := server.service.not_ready:
                raise click.ClickException(problem)
            _introduce(server, recognizers)
            async with ServiceClient(server.url) as client:
                await _consume(client, count, bool(recognizers))


def _recognizers(model: str) -> tuple[str, ...]:
    """The classifier that reads this model's windows, if the repository has one."""
    repository = Repository()
    try:
        anonymizer = repository.load(reference(model)).manifest
        return tuple(each.name for each in fitting(anonymizer, repository)[:1])
    except ModelError as error:
        raise click.ClickException(str(error)) from None


def _free(listen: Address) -> Address:
    try:
        bind(Config(listen=str(listen))).close()
    except ConfigError:
        return Address(listen.host, 0)
    return listen


def _introduce(server: Server, recognizers: tuple[str, ...]) -> None:
    anonymizer = server.service.anonymizer
    assert anonymizer
    click.echo(f"page       {server.url}/")
    click.echo(f"camera     {_CAMERA}: a synthetic recording, played over the DV protocol")
    click.echo(f"model      {anonymizer.manifest.name} on {anonymizer.device}")
    if recognizers:
        click.echo(f"recognizer {recognizers[0]}")


@asynccontextmanager
async def _stand_in() -> AsyncIterator[Address]:
    """The recording that comes along, played over TCP by a process of its own."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "anonynoise", "replay", "--loop", "--listen", "127.0.0.1:0"),
        # The terminal is the demo's: two that draw there overwrite each other.
        "--quiet",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout
    try:
        line = (await child.stdout.readline()).decode().strip()
        if not line:
            raise click.ClickException("the camera stand-in did not start")
        yield Address.parse(line.rpartition(" ")[2])
    finally:
        with suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


def _row(window: SeenWindow) -> tuple[str, ...]:
    metadata = window.metadata
    values = window.tensor.astype(np.float32)
    start_s = int(metadata["t_start_us"]) / 1e6
    shape = "x".join(str(side) for side in values.shape)
    return (
        *(metadata["seq"], metadata["segment"], f"{start_s:.1f}", metadata["events"]),
        *(shape, f"{values.mean():+.3f}", f"{values.std():.3f}", metadata["dropped"]),
    )


async def _label(client: ServiceClient, window: SeenWindow) -> str:
    """What the service's recognizer says, a moment after the window, once it has seen it too."""
    seq = int(window.metadata["seq"])
    with suppress(TimeoutError, ServiceGone):
        async with asyncio.timeout(_LABEL_S):
            while True:
                status = (await client.cameras())[0]
                seen = status.recognized
                if status.recognition_problem:
                    break
                if seen and seen.seq >= seq:
                    return str(seen)
                await asyncio.sleep(_ASK_S)
    return ""


async def _consume(client: ServiceClient, count: int | None, recognizing: bool) -> None:
    # A pipe has no width; 80 columns would cut the labels off.
    console = Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)
    table = Table("seq", "segment", "start s", "events", "shape", "mean", "std", "dropped")
    if recognizing:
        table.add_column("label")
    seen = 0
    async with aclosing(client.windows(_CAMERA)) as windows:
        if count is None:
            with console.status("waiting for the first window") as status:
                async for window in windows:
                    seen += 1
                    metadata = window.metadata
                    label = f", {await _label(client, window)}" if recognizing else ""
                    status.update(
                        f"{seen} windows consumed, the last of {metadata['events']} events{label}, "
                        f"{metadata['dropped']} dropped - Ctrl-C ends the demo"
                    )
        async for window in windows:
            seen += 1
            labels = [await _label(client, window)] if recognizing else []
            table.add_row(*_row(window), *labels)
            if seen == count:
                break
    console.print(table)
    click.echo(f"{seen} anonymized windows received")
