"""Windows of whole recordings, cut as the service cuts them.

::

    live    |--- window ---|--- window ---|--- wi      the trailing part is left out
    whole   |------------- window -------------|       what no live service can see

``live`` goes through the very :class:`events.window.WindowBuilder` that the service uses: a
segment starts at its first event, windows are back to back, time that goes backwards and gaps
start a new segment. Live, too, some windows hold hardly an event, so they stay; a window
without any is left out, as there is nobody in it. ``whole`` is the protocol of the published
tables: all of a recording in T bins.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from events.errors import EventDataError
from events.packet import EVENT, Packet
from events.window import WindowBuilder, WindowSpec

WindowRule = Literal["live", "whole"]

_MOST = np.iinfo(np.uint8).max


def saturated(counts: NDArray[Any]) -> NDArray[np.uint8]:
    """Counts as uint8; those above 255 become 255 instead of wrapping."""
    held: NDArray[np.uint8] = np.minimum(counts, _MOST).astype(np.uint8)
    return held


def stacked(windows: list[NDArray[np.uint8]], spec: WindowSpec) -> NDArray[np.uint8]:
    """uint8 ``[n, 2T, H, W]``, also for no window."""
    return np.stack(windows) if windows else np.empty((0, *spec.shape), np.uint8)


def live_windows(packets: Iterable[Packet], spec: WindowSpec) -> NDArray[np.uint8]:
    """Every whole window with events, uint8 ``[n, 2T, H, W]``.

    Raises :class:`EventDataError` if time is damaged.
    """
    builder = WindowBuilder(spec)
    return stacked(
        [
            saturated(window.tensor)
            for events in packets
            for window in builder.add(events)
            if window.events
        ],
        spec,
    )


def whole_window(packets: Iterable[Packet], spec: WindowSpec) -> NDArray[np.uint8]:
    """All events in one window from the first to the last, uint8 ``[1, 2T, H, W]``.

    ``[0, 2T, H, W]`` if there are none. Raises :class:`EventDataError` if time goes backwards
    past the first event.
    """
    events = np.concatenate([np.empty(0, EVENT), *packets])
    if not len(events):
        return stacked([], spec)
    first_us = int(events["t"][0])
    if int(events["t"].min()) < first_us:
        raise EventDataError("goes backwards past the first event", field="time")
    span_us = int(events["t"].max()) - first_us + 1
    builder = WindowBuilder(replace(spec, window_us=span_us))
    cut = [*builder.add(events), builder.close()]
    return stacked([saturated(window.tensor) for window in cut if window], spec)


def cut_windows(packets: Iterable[Packet], spec: WindowSpec, rule: WindowRule) -> NDArray[np.uint8]:
    """The windows of one recording by ``rule``, uint8 ``[n, 2T, H, W]``."""
    return (live_windows if rule == "live" else whole_window)(packets, spec)
