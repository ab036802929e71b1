"""``anonynoise info``."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import click
from rich.console import Console

from events.errors import EventDataError
from events.packet import Packet, SensorSize, column_digests
from events.recording import Recording, open_recording
from events.text import TimeUnit
from service.commands.options import parse_sensor


@dataclass
class _Summary:
    """What was seen of a recording, up to its end or to ``error``."""

    events: int = 0
    on: int = 0
    t_first_us: int | None = None
    t_last_us: int | None = None
    extent: SensorSize | None = None
    error: EventDataError | None = None

    def add(self, events: Packet) -> None:
        if not len(events):
            return
        if self.t_first_us is None:
            self.t_first_us = int(events["t"][0])
        self.t_last_us = int(events["t"][-1])
        self.events += len(events)
        self.on += int((events["p"] != 0).sum())
        seen = self.extent or SensorSize(0, 0)
        self.extent = SensorSize(
            max(seen.width, int(events["x"].max()) + 1),
            max(seen.height, int(events["y"].max()) + 1),
        )

    def watch(self, recording: Recording) -> Iterator[Packet]:
        """The recording's packets, counted; an error ends them and is kept."""
        try:
            for events in recording.packets():
                self.add(events)
                yield events
        except EventDataError as error:
            self.error = error


def _summarise(recording: Recording, *, digest: bool) -> tuple[_Summary, dict[str, Any]]:
    summary = _Summary()
    digests = None
    with Console(stderr=True).status(f"Reading {recording.path.name}"):
        packets = summary.watch(recording)
        if digest:
            digests = column_digests(packets)
        else:
            for _ in packets:
                pass
    size = recording.sensor or summary.extent
    found: dict[str, Any] = {
        "format": recording.format,
        "width": size.width if size else None,
        "height": size.height if size else None,
        "events": summary.events,
        "on": summary.on,
        "off": summary.events - summary.on,
        "t_first_us": summary.t_first_us,
        "t_last_us": summary.t_last_us,
    }
    if digests:
        found["sha3_224"] = digests
    return summary, found


def _print(recording: Recording, found: dict[str, Any]) -> None:
    said = "" if recording.sensor else " (extent of the events; the file does not say)"
    size = f"{found['width']}x{found['height']}{said}" if found["width"] else "not known"
    rows = [("format", found["format"]), ("size", size)]
    rows.append(("events", f"{found['events']:,} ({found['on']:,} on, {found['off']:,} off)"))
    if found["events"]:
        span_s = (found["t_last_us"] - found["t_first_us"]) / 1e6
        rows.append(("time", f"{found['t_first_us']} to {found['t_last_us']} us ({span_s:.3f} s)"))
    rows += [(f"sha3_224 {name}", value) for name, value in found.get("sha3_224", {}).items()]
    for name, value in rows:
        click.echo(f"{name:<11} {value}")


@click.command(epilog="Example: anonynoise info walk.raw --json --digest")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--digest", is_flag=True, help="With the SHA3-224 of the columns t, x, y, p.")
@click.option(
    "--time-unit",
    type=click.Choice(get_args(TimeUnit)),
    help="Of the times in a text; default: us.",
)
@click.option(
    "--sensor",
    metavar="WIDTHxHEIGHT",
    callback=parse_sensor,
    help="Default: what the file says, else the extent of its events.",
)
def command(
    file: Path,
    as_json: bool,
    digest: bool,
    time_unit: TimeUnit | None,
    sensor: SensorSize | None,
) -> None:
    """Say what a recording holds: AEDAT 2.0, 3.1 or 4, Prophesee RAW or DAT, or text."""
    try:
        recording = open_recording(file, time_unit=time_unit, sensor=sensor)
    except EventDataError as error:
        raise click.ClickException(str(error)) from None
    summary, found = _summarise(recording, digest=digest)
    if as_json:
        click.echo(json.dumps(found))
    else:
        _print(recording, found)
    if summary.error:
        raise click.ClickException(str(summary.error))
