"""Cameras and a window's picture in a terminal."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.panel import Panel
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from service.app import AuditInfo
from service.audit import AuditWord
from service.state import CameraState
from service.status import CameraStatus, Recognized
from service.watch import SeenWindow

_COLOURS = {
    CameraState.STREAMING: "green",
    CameraState.CONNECTING: "yellow",
    CameraState.WAITING: "yellow",
    CameraState.QUIET: "cyan",
    CameraState.PAUSED: "bright_black",
    CameraState.FINISHED: "magenta",
    CameraState.FAILED: "red",
}
_AUDIT_COLOURS: dict[AuditWord, str] = {
    "passing": "green",
    "failing": "red",
    "stale": "yellow",
    "undecided": "yellow",
    "missing": "yellow",
    "untrusted": "yellow",
    "off": "bright_black",
}
_ON = np.array([255, 145, 60])
_OFF = np.array([70, 150, 255])
_LARGEST_COLUMNS = 64
_LARGEST_ROWS = 48


def shrink(image: NDArray[Any], columns: int, rows: int) -> NDArray[Any]:
    """Means over equal blocks: ``[H, W]`` to at most ``[rows, columns]``, shape kept."""
    block = max(1, -(-image.shape[1] // columns), -(-image.shape[0] // rows))
    # A block wider than the image would leave nothing of it.
    tall, wide = (min(block, side) for side in image.shape)
    down, across = image.shape[0] // tall, image.shape[1] // wide
    blocks = image[: down * tall, : across * wide].reshape(down, tall, across, wide)
    means: NDArray[Any] = blocks.mean(axis=(1, 3))
    return means


def polarity_colours(tensor: NDArray[Any], columns: int, rows: int) -> NDArray[np.uint8]:
    """A window ``[2T, H, W]`` as ``[h, w, 3]`` colours, an even number of rows.

    On minus off over all bins, on orange and off blue; the 99th percentile is full colour.
    """
    values = tensor.astype(np.float32)
    image = shrink(values[1::2].sum(axis=0) - values[0::2].sum(axis=0), columns, rows)
    scale = float(np.percentile(np.abs(image), 99)) or 1.0
    strength = np.clip(image / scale, -1, 1)[..., None]
    colours = np.where(strength > 0, strength * _ON, -strength * _OFF).astype(np.uint8)
    return np.pad(colours, ((0, len(colours) % 2), (0, 0), (0, 0)))


class Picture:
    """A window in half blocks, two pixels a character."""

    def __init__(self, tensor: NDArray[Any]) -> None:
        self._tensor = tensor

    def _colours(self, options: ConsoleOptions) -> NDArray[np.uint8]:
        columns = min(_LARGEST_COLUMNS, options.max_width)
        return polarity_colours(self._tensor, columns, _LARGEST_ROWS)

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        """As wide as its columns."""
        columns = self._colours(options).shape[1]
        return Measurement(columns, columns)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        """One character shows two rows: the upper as its foreground, the lower as background."""
        colours = self._colours(options)
        for upper, lower in zip(colours[::2], colours[1::2], strict=True):
            for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
                style = Style(color=_hex(above), bgcolor=_hex(below))
                yield Segment("▀", style)
            yield Segment.line()


def _hex(colour: list[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _dropped(status: CameraStatus) -> Text:
    causes = [f"{cause} {count}" for cause, count in status.dropped.items() if count]
    return Text(", ".join(causes), "yellow") if causes else Text("0", "bright_black")


def _label(recognized: Recognized | None) -> Text:
    return Text(str(recognized), "bold") if recognized else Text("–", "bright_black")


def camera_table(statuses: Sequence[CameraStatus], selected: str | None) -> Table:
    """One row a camera; the one whose windows are shown is marked."""
    table = Table(expand=True, border_style="bright_black")
    for name in ("camera", "state"):
        table.add_column(name, no_wrap=True)
    recognizing = any(status.recognized for status in statuses)
    if recognizing:
        table.add_column("label", no_wrap=True)
    for name in ("windows/s", "events/s", "latency", "windows", "seg/seq", "readers"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("dropped")
    for status in statuses:
        latency = "–" if status.latency_ms is None else f"{status.latency_ms:.1f} ms"
        table.add_row(
            Text(f"{'▸' if status.id == selected else ' '} {status.id}"),
            Text(status.state.value, _COLOURS[status.state]),
            *([_label(status.recognized)] if recognizing else []),
            f"{status.windows_per_s:.1f}",
            f"{status.events_per_s:,.0f}",
            latency,
            f"{status.windows:,}",
            f"{status.segment}/{status.seq}",
            str(status.subscribers),
            _dropped(status),
        )
    return table


def screen(
    url: str,
    statuses: Sequence[CameraStatus],
    selected: str | None,
    window: SeenWindow | None,
    problem: str | None,
    *,
    audit: AuditInfo | None = None,
    recognized: Recognized | None = None,
    warning: str | None = None,
) -> RenderableType:
    """Everything at once. ``problem`` is a line about the connection, or None.

    ``audit`` is the model's; ``recognized`` is what was seen here, in the windows up to
    ``window``; ``warning`` is a line about the classifier that saw it.
    """
    parts: list[RenderableType] = [camera_table(statuses, selected)]
    for status in statuses:
        if status.reason:
            parts.append(Text(f"{status.id}: {status.reason}", "yellow"))
        if status.recognition_problem:
            parts.append(Text(f"{status.id}: no label: {status.recognition_problem}", "yellow"))
    if not statuses:
        parts.append(Text("no cameras: add one on the page, or POST /v1/cameras"))
    if audit:
        parts.append(Text(f"audit {audit.state}: {audit.reason}", _AUDIT_COLOURS[audit.state]))
    if problem:
        parts.append(Text(f"{problem}; trying again", "red"))
    if warning:
        parts.append(Text(warning, "yellow"))
    if window:
        about = window.metadata
        caption = f"{about['camera']}  seq {about['seq']}  {about['model']}"
        parts.append(
            Panel.fit(
                Picture(window.tensor),
                title=Text(caption),
                subtitle=_label(recognized) if recognized else None,
                border_style="bright_black",
            )
        )
    return Group(Text(f"{url}  (Ctrl-C ends)", "bright_black"), *parts)
