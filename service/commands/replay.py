"""``anonynoise replay``."""

import asyncio
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from events.core_dumps import forbid_core_dumps
from events.dv import DvEncoder
from events.dv_compression import Compression
from events.dv_server import DvServer
from events.errors import EventDataError
from events.packet import Packet, SensorSize
from events.recording import Recording, open_recording
from events.text import TimeUnit
from service.address import Address
from service.commands.options import parse_address, parse_sensor, unusable
from service.replay import replay
from service.stop import until_stopped

#: The recording that comes along: synthetic, of nobody (training/simulator/stand_in.py).
STAND_IN = Path(__file__).parents[1] / "assets" / "stand-in.aedat4"


def _speed(_: click.Context, __: click.Parameter, text: str) -> float:
    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0:
        raise click.BadParameter("a number above 0, or max")
    return speed


@click.command(epilog="Example: anonynoise replay recording.aedat4 --listen 127.0.0.1:7777 --loop")
@click.argument(
    "file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=parse_address,
    default="127.0.0.1:7777",
    show_default=True,
    help="Port 0 takes a free one.",
)
@click.option(
    "--speed",
    metavar="FACTOR|max",
    callback=_speed,
    default="1.0",
    show_default=True,
    help="2 is twice as fast; max as fast as the clients take it.",
)
@click.option("--loop", is_flag=True, help="Again and again; time goes on.")
@click.option(
    "--compression",
    type=click.Choice(["none", "lz4", "zstd"]),
    default="none",
    show_default=True,
    help="Of the packets on the wire.",
)
@click.option(
    "--wait-for-client/--no-wait",
    default=True,
    help="Start when the first client is there (the default), or at once.",
)
@click.option("--quiet", is_flag=True, help="Without a progress bar.")
@click.option("--sensor", metavar="WxH", callback=parse_sensor, help="Where the file is silent.")
@click.option("--time-unit", type=click.Choice(get_args(TimeUnit)), help="Of a text recording.")
def command(
    file: Path | None,
    listen: Address,
    speed: float,
    loop: bool,
    compression: str,
    wait_for_client: bool,
    quiet: bool,
    sensor: SensorSize | None,
    time_unit: TimeUnit | None,
) -> None:
    """Play FILE as a camera would send it, over the DV network protocol.

    Without FILE it plays the synthetic recording that comes along.
    """
    forbid_core_dumps()
    try:
        recording = open_recording(file or STAND_IN, time_unit=time_unit, sensor=sensor)
        if recording.sensor is None:
            raise click.ClickException(f"{recording.path}: says no sensor size, give --sensor")
        encoder = DvEncoder(
            recording.sensor, source="Replay_1", compression=Compression[compression.upper()]
        )
        server = DvServer(encoder.header, host=listen.host, port=listen.port)
        drawn = sys.stderr.isatty() and not quiet
        work = _play(recording, encoder, server, speed, loop, wait_for_client, drawn=drawn)
        asyncio.run(until_stopped(work))
    except EventDataError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise unusable(error.filename or listen, error) from None


async def _play(
    recording: Recording,
    encoder: DvEncoder,
    server: DvServer,
    speed: float,
    loop: bool,
    wait_for_client: bool,
    *,
    drawn: bool,
) -> None:
    await server.start()
    try:
        click.echo(f"listening on {Address(server.host, server.port)}")
        if wait_for_client:
            await server.wait_for_client()
        with _progress(recording, server, loop, drawn=drawn) as advance:
            await replay(
                recording.packets, encoder, server, speed=speed, loop=loop, on_events=advance
            )
    finally:
        await server.close()


class _Bar:
    """Called with every packet that was published; draws, on a terminal."""

    def __init__(self, progress: Progress, total: int | None, server: DvServer) -> None:
        self._progress = progress
        self._server = server
        self._task = progress.add_task("", total=total)

    def __call__(self, events: Packet) -> None:
        self._progress.update(
            self._task,
            advance=len(events),
            description=f"{self._server.clients} clients, {self._server.dropped} packets dropped",
        )


@contextmanager
def _progress(recording: Recording, server: DvServer, loop: bool, *, drawn: bool) -> Iterator[_Bar]:
    # The total takes a pass over the file, and only a bar needs it.
    counted = drawn and not loop
    total = sum(len(events) for events in recording.packets()) if counted else None
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("events"), TimeElapsedColumn())
    with Progress(
        *columns,
        TextColumn("{task.description}"),
        console=Console(file=sys.stderr),
        disable=not drawn,
    ) as progress:
        yield _Bar(progress, total, server)
