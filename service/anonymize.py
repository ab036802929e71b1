"""A whole recording through the anonymizer, each window once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from events.errors import EventDataError
from events.magnitude import magnitude
from events.packet import Packet, SensorSize, packet
from events.window import Window, WindowBuilder, WindowSpec
from models.anonymizer import Anonymizer
from models.manifest import Manifest
from models.verdict import Rejected
from service.message import Message


class DoesNotFit(ValueError):
    """A recording whose windows the model or the memory bound does not take, in one line."""


@dataclass
class Tally:
    """What became of a recording so far."""

    events: int = 0
    outside: int = 0
    windows: int = 0
    dropped: dict[str, int] = field(default_factory=dict)


def fitting_spec(manifest: Manifest, sensor: SensorSize, window_bytes: int) -> WindowSpec:
    """What windows of ``sensor`` look like. Raises :class:`DoesNotFit`."""
    if problem := manifest.why_not(sensor):
        raise DoesNotFit(problem)
    spec = manifest.window_spec(sensor)
    if spec.nbytes > window_bytes:
        raise DoesNotFit(
            f"a window of {sensor.width}x{sensor.height} takes {spec.nbytes} bytes, "
            f"at most {window_bytes} allowed (limits.window_bytes)"
        )
    return spec


def anonymize_packets(
    packets: Iterable[Packet],
    *,
    camera: str,
    spec: WindowSpec,
    anonymizer: Anonymizer,
    tally: Tally,
) -> Iterator[Message]:
    """Yield every window's message, counting in ``tally``.

    An error of ``packets`` comes through after the windows before it, the one under way
    among them, were yielded: nothing received is lost.
    """
    manifest = anonymizer.manifest
    builder = WindowBuilder(spec)

    def message(window: Window) -> Iterator[Message]:
        tally.windows += 1
        result = anonymizer.anonymize(window.tensor[None])[0]
        if isinstance(result, Rejected):
            tally.dropped[result.cause] = tally.dropped.get(result.cause, 0) + 1
            return
        yield Message(result, metadata(camera, tally.windows, window, tally.dropped, manifest))

    damage: EventDataError | None = None
    try:
        for events in packets:
            tally.events += len(events)
            for window in builder.add(events):
                yield from message(window)
            tally.outside = builder.outside
    except EventDataError as error:
        damage = error
    if last := builder.close():
        yield from message(last)
    if damage:
        raise damage


def metadata(
    camera: str, seq: int, window: Window, dropped: dict[str, int], manifest: Manifest
) -> dict[str, str]:
    """A message's metadata, as the wire has them."""
    return {
        "camera": camera,
        "seq": str(seq),
        "segment": str(window.segment),
        "t_start_us": str(window.t_start_us),
        "t_end_us": str(window.t_end_us),
        "events": str(magnitude(window.events)),
        "dropped": str(sum(dropped.values())),
        "model": f"{manifest.name}@{manifest.version}",
        "model_sha256": manifest.sha256,
    }


def warm_up(manifest: Manifest) -> None:
    """Compile what building a window needs, on an event of no camera."""
    builder = WindowBuilder(manifest.window_spec(SensorSize(1, 1)))
    event = packet([0], [0], [0], [0])
    list(builder.add(event))
    # Packets from the wire view what was received, and are compiled for apart.
    event.setflags(write=False)
    list(builder.add(event))
