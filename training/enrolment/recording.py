"""What an encrypted recording holds: what it shows, then the events as DV's wire has them.

::

    [u16 length][About, JSON]  [DV header]  [DV packet] ...
"""

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from pydantic import Field

from events.dv import DvDecoder, DvEncoder
from events.dv_compression import Compression
from events.dv_header import MAX_COORDINATE
from events.errors import EventDataError
from events.packet import Packet, SensorSize
from models.audit import Line, UtcTime
from models.manifest import Part
from training.enrolment.camera import Camera
from training.enrolment.sealed import Sealer
from training.errors import TrainingError

_LENGTH = struct.Struct("<H")
#: A camera whose clock stands still or goes backwards is recorded so much longer by ours.
_SLACK_S = 1.0
#: Much smaller than what a decoder takes, whatever a camera sends at once.
_PACKET_EVENTS = 1 << 16

_Side = Field(ge=1, le=MAX_COORDINATE + 1)


class About(Part):
    """What a recording shows, and the sensor's size in pixels."""

    label: Line
    lighting: Line
    width: int = _Side
    height: int = _Side
    recorded_at: UtcTime


@dataclass(frozen=True)
class Taken:
    """How much was recorded; ``stopped`` if it was ended before its time."""

    events: int = 0
    span_us: int = 0
    stopped: bool = False


def record(
    camera: Camera,
    sealer: Sealer,
    label: str,
    lighting: str,
    seconds: float,
    *,
    stop: Callable[[], bool],
    progress: Callable[[Taken], None],
    clock: Callable[[], float] = time.monotonic,
) -> Taken:
    """Write ``seconds`` of event time, counted from the first event, into ``sealer``.

    ``stop`` is asked several times a second. Raises :class:`TrainingError` where the camera
    ends too early, sends no event or what is not understood.
    """
    taken = Taken()
    encoder: DvEncoder | None = None
    first_us = end_us = 0
    # Of a camera that is quiet from the start, too.
    begun_s = clock()
    with closing(camera.packets()) as packets:
        for arrived in packets:
            if stop():
                taken = replace(taken, stopped=True)
                break
            if arrived is not None and len(arrived):
                if encoder is None:
                    encoder = _begin(camera.sensor, sealer, label, lighting)
                    first_us = int(arrived["t"][0])
                    end_us = first_us + round(seconds * 1e6)
                    begun_s = clock()
                past = np.flatnonzero(arrived["t"] >= end_us)
                events = arrived[: past[0]] if len(past) else arrived
                if len(events):
                    _write(events, encoder, sealer, camera)
                    span_us = max(taken.span_us, int(events["t"].max()) - first_us)
                    taken = Taken(taken.events + len(events), span_us)
                    progress(taken)
                if len(past):
                    break
            if clock() - begun_s >= seconds + _SLACK_S:
                break
    if not taken.events and not taken.stopped:
        raise TrainingError("sent no event", source=camera.url)
    return taken


def _begin(sensor: SensorSize, sealer: Sealer, label: str, lighting: str) -> DvEncoder:
    about = About(
        label=label,
        lighting=lighting,
        width=sensor.width,
        height=sensor.height,
        recorded_at=datetime.now(UTC),
    )
    text = about.model_dump_json().encode()
    encoder = DvEncoder(sensor, compression=Compression.LZ4)
    sealer.write(_LENGTH.pack(len(text)) + text + encoder.header)
    return encoder


def _write(events: Packet, encoder: DvEncoder, sealer: Sealer, camera: Camera) -> None:
    try:
        for start in range(0, len(events), _PACKET_EVENTS):
            sealer.write(encoder.packet(events[start : start + _PACKET_EVENTS]))
    except EventDataError as error:
        raise TrainingError(str(error.at(camera.url))) from None


def about(pieces: Iterator[bytes], source: str) -> tuple[About, bytes]:
    """What a recording shows, and what else was in its first piece.

    Raises :class:`TrainingError` naming ``source``.
    """
    # Two lines and three numbers are always shorter than a chunk.
    first = next(pieces)
    try:
        stop = _LENGTH.size + _LENGTH.unpack_from(first)[0]
        return About.model_validate_json(first[_LENGTH.size : stop]), first[stop:]
    except (struct.error, ValueError):
        raise TrainingError("holds no recording", source=source) from None


def packets(pieces: Iterator[bytes], source: str) -> Iterator[Packet]:
    """The events of a recording, in packets of their own memory.

    Raises :class:`TrainingError` or :class:`events.errors.EventDataError` where it breaks.
    """
    _, rest = about(pieces, source)
    decoder = DvDecoder()
    while True:
        for events in decoder.feed(rest):
            yield events.copy()
        following = next(pieces, None)
        if following is None:
            break
        rest = following
    yield from decoder.finish()
