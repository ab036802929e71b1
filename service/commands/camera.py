"""``anonynoise camera``."""

import asyncio
import sys

import click

from events.core_dumps import forbid_core_dumps
from events.dv import DvEncoder
from events.dv_server import DvServer
from events.errors import EventDataError
from service.address import Address
from service.camera_bridge import bridge
from service.commands.options import parse_address, unusable
from service.stop import until_stopped
from service.usb_camera import DRIVERS, CameraError, UsbCamera, open_camera
from service.watchdog import ChildFailed, Heart, supervise


@click.command(epilog="Example: anonynoise camera --driver inivation --listen 127.0.0.1:7777")
@click.option("--driver", type=click.Choice(["auto", *DRIVERS]), default="auto", show_default=True)
@click.option(
    "--listen",
    metavar="HOST:PORT",
    callback=parse_address,
    default="127.0.0.1:7777",
    show_default=True,
    help="Port 0 takes a free one. Whoever reaches this address sees raw events.",
)
@click.option("--heartbeat-fd", type=int, hidden=True)
def command(driver: str, listen: Address, heartbeat_fd: int | None) -> None:
    """Open a USB camera and serve its events over the DV network protocol."""
    # In the child that is supervised, too: it does not inherit all of this.
    forbid_core_dumps()
    try:
        if heartbeat_fd is None:
            arguments = ("camera", "--driver", driver, "--listen", str(listen))
            sys.exit(supervise([sys.executable, "-m", "anonynoise", *arguments]))
        asyncio.run(until_stopped(_serve(open_camera(driver), listen, Heart(heartbeat_fd))))
    except ChildFailed as error:
        raise click.ClickException(f"camera driver: {error}") from None
    except (CameraError, EventDataError) as error:
        raise click.ClickException(str(error)) from None
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        raise unusable(listen, error) from None


async def _serve(camera: UsbCamera, listen: Address, heart: Heart) -> None:
    encoder = DvEncoder(camera.sensor, source=camera.name)
    server = DvServer(encoder.header, host=listen.host, port=listen.port)
    try:
        await server.start()
        click.echo(f"{camera.name} listening on {Address(server.host, server.port)}")
        await bridge(camera, encoder, server, heart.beat)
    finally:
        await server.close()
        await asyncio.to_thread(camera.close)
