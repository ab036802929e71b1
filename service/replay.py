"""Plays a recording as a camera would send it: the DV network protocol, in event time."""

import math
from collections.abc import Callable, Iterable, Iterator

from events.dv import DvEncoder
from events.dv_server import DvServer
from events.packet import Packet
from service.pace import pace

#: From the last event of one lap to the first of the next.
_LAP_GAP_US = 1_000
_FOREVER_US = 1 << 62


def laps(packets: Callable[[], Iterable[Packet]]) -> Iterator[Packet]:
    """The packets again and again, each lap's times moved behind the lap before.

    ::

        |-- lap 1 --|gap|-- lap 2, shifted --|gap|-- lap 3 ...

    Ends only where a lap holds no events.
    """
    latest_us: int | None = None
    while True:
        before_us = latest_us
        shift_us: int | None = None
        for events in packets():
            if not len(events):
                continue
            if shift_us is None:
                first_us = int(events["t"][0])
                shift_us = 0 if before_us is None else before_us + _LAP_GAP_US - first_us
            shifted = events.copy()
            shifted["t"] += shift_us
            end_us = int(shifted["t"].max())
            latest_us = end_us if latest_us is None else max(latest_us, end_us)
            yield shifted
        if shift_us is None:
            return


async def replay(
    packets: Callable[[], Iterable[Packet]],
    encoder: DvEncoder,
    server: DvServer,
    *,
    speed: float = 1.0,
    loop: bool = False,
    on_events: Callable[[Packet], None] | None = None,
) -> int:
    """Publish recorded packets when they are due; return how many events there were.

    ``packets`` is called once a lap, for instance ``Recording.packets``. ``speed`` 2 plays
    twice as fast; infinity plays as fast as the clients take it, dropping nothing that a
    client takes at all. ``on_events`` sees every packet that was published. Raises
    :class:`events.errors.EventDataError` where the recording is damaged, after everything
    before was published.
    """
    unpaced = math.isinf(speed)
    count = 0
    source = laps(packets) if loop else packets()
    # Unpaced, packets are as large as they come: slices of time would only cost time.
    paced = pace(source, speed=None, step_us=_FOREVER_US) if unpaced else pace(source, speed=speed)
    async for events in paced:
        server.publish(encoder.packet(events))
        count += len(events)
        if on_events:
            on_events(events)
        if unpaced:
            await server.drain()
    return count
