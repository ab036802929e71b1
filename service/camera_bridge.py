"""From a USB camera to whoever connects, over the DV network protocol."""

import asyncio
from collections.abc import Callable

from events.dv import DvEncoder
from events.dv_server import DvServer
from service.usb_camera import UsbCamera

#: A fast camera's batch is cut, so that slow clients lose little at a time.
_PACKET_EVENTS = 1 << 15


async def bridge(
    camera: UsbCamera, encoder: DvEncoder, server: DvServer, beat: Callable[[], None]
) -> None:
    """Publish the camera's events until it is gone; ``beat`` after every read.

    Raises :class:`service.usb_camera.CameraError`.
    """
    while True:
        events = await asyncio.to_thread(camera.read)
        beat()
        for first in range(0, 0 if events is None else len(events), _PACKET_EVENTS):
            assert events is not None
            server.publish(encoder.packet(events[first : first + _PACKET_EVENTS]))
