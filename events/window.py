"""Back-to-back windows on event time.

::

    segment 1                                   segment 2 (clock restarted, or a gap)
    |--- window ---|--- window ---|-- window --|     |--- window ---|--- ...
    t0             t0+w           t0+2w              t1

Windows are half-open ``[t_start_us, t_start_us + window_us)``; every event lands in exactly
one, so no event is ever covered twice with different noise. A segment starts at its first
event. Time going backwards past the current window, or a gap, starts the next segment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from events.errors import EventDataError
from events.histogram import LATEST_US, count_events, spread_events
from events.packet import Packet, SensorSize

#: This many clock restarts without one completed window between them is damage, not a camera.
_MOST_RESTARTS = 64


@dataclass(frozen=True)
class WindowSpec:
    """What a window looks like: ``bins`` T over ``window_us``, for one sensor."""

    sensor: SensorSize
    bins: int
    window_us: int
    kind: Literal["histogram", "voxel_grid"] = "histogram"

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(2T, H, W)``."""
        return 2 * self.bins, self.sensor.height, self.sensor.width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type: uint16 counts, or float32 for a voxel grid."""
        return np.dtype(np.uint16 if self.kind == "histogram" else np.float32)

    @property
    def nbytes(self) -> int:
        """Size of one window in bytes, once anonymized (float32)."""
        return 4 * int(np.prod([int(n) for n in self.shape], dtype=object))


@dataclass(frozen=True)
class Window:
    """One closed window of raw events. Never leaves the process.

    ``tensor`` has shape ``[2T, H, W]``; ``events`` counts what lies in it.
    """

    segment: int
    t_start_us: int
    t_end_us: int
    events: int
    tensor: NDArray[Any]


class WindowBuilder:
    """Cuts packets into windows; the current one is written in place as events arrive."""

    def __init__(self, spec: WindowSpec, *, max_gap_us: int = 1_000_000, segment: int = 0) -> None:
        self.spec = spec
        #: Events left out because they lie outside the sensor (or outside time).
        self.outside = 0
        #: Number of the current segment, counted on from the ``segment`` given.
        self.segment = segment
        self._max_gap_us = max(max_gap_us, spec.window_us)
        self._accumulate = count_events if spec.kind == "histogram" else spread_events
        self._t_start_us: int | None = None
        self._events = 0
        self._restarts = 0
        self._tensor = self._empty()

    @property
    def pending(self) -> bool:
        """Whether the current window holds events."""
        return self._events > 0

    def _empty(self) -> NDArray[Any]:
        return np.zeros(self.spec.shape, self.spec.dtype)

    def _cut(self, t_start_us: int) -> Window:
        window = Window(
            segment=self.segment,
            t_start_us=t_start_us,
            t_end_us=t_start_us + self.spec.window_us,
            events=self._events,
            tensor=self._tensor,
        )
        self._tensor = self._empty()
        self._events = 0
        self._t_start_us = window.t_end_us
        return window

    def add(self, events: Packet) -> Iterator[Window]:
        """Take a packet in; yield every window it completes, the empty ones of a pause too.

        Raises :class:`EventDataError` when time goes backwards again and again without a
        window ever completing: such data is damaged, and would otherwise turn into one
        window an event.
        """
        window_us = self.spec.window_us
        index = 0
        while index < len(events):
            if self._t_start_us is None:
                index += self._start_segment(events, index)
                if self._t_start_us is None:
                    return
            stop, outside = self._accumulate(
                events, index, self._t_start_us, window_us, self._tensor
            )
            self.outside += outside
            self._events += stop - index - outside
            index = stop
            if index == len(events):
                return
            t_us = int(events["t"][index])
            t_end_us = self._t_start_us + window_us
            if t_us < self._t_start_us:
                self._restarts += 1
                if self._restarts > _MOST_RESTARTS:
                    raise EventDataError(
                        f"went backwards {self._restarts} times within one window", field="time"
                    )
                yield from self._last()
            elif t_us - t_end_us >= self._max_gap_us:
                self._restarts = 0
                yield from self._last()
            else:
                self._restarts = 0
                yield self._cut(self._t_start_us)
                while t_us >= self._t_start_us + window_us:
                    yield self._cut(self._t_start_us)

    def _start_segment(self, events: Packet, index: int) -> int:
        """Begin a segment at the first event with a possible time; return how many it skips."""
        t = events["t"][index:]
        valid = np.flatnonzero((t >= 0) & (t <= LATEST_US))
        skipped = int(valid[0]) if len(valid) else len(t)
        self.outside += skipped
        if len(valid):
            self._t_start_us = int(t[skipped])
            self.segment += 1
        return skipped

    def _last(self) -> Iterator[Window]:
        window = self.end_segment()
        if window:
            yield window

    def close(self) -> Window | None:
        """Close the current window early: its camera went quiet, or its stream ended.

        Returns None when it holds no event. Later events of the closed span start a new
        segment, in a window of their own.
        """
        if not self._events or self._t_start_us is None:
            return None
        return self._cut(self._t_start_us)

    def end_segment(self) -> Window | None:
        """Close the current window; what comes next is a new segment, whatever its times.

        For a connection that was lost: the camera's clock may have moved meanwhile.
        """
        window = self.close()
        self._t_start_us = None
        return window
