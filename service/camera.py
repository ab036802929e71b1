"""One camera: its connection, its current window, and what it says of itself."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from pathlib import Path

from events.errors import EventDataError
from events.magnitude import magnitude
from events.packet import Packet, SensorSize
from events.window import Window, WindowBuilder
from models.manifest import Manifest
from service.address import CameraUrl
from service.anonymize import DoesNotFit, fitting_spec
from service.config import CameraConfig
from service.metrics import Metrics
from service.pipeline import Pending
from service.rate import Rate
from service.source import Source, SourceError, UnusableSource, open_source
from service.state import CameraState, check_transition
from service.status import CameraStatus, Recognized, Sensor

log = logging.getLogger(__name__)

_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 30.0
#: Silence after which a window is closed by the wall clock, beyond its own length.
_GRACE_S = 0.2
_QUIET_S = 1.0


class Camera:
    """Reads one source for as long as it is enabled, and hands closed windows on."""

    def __init__(
        self,
        config: CameraConfig,
        *,
        manifest: Manifest,
        window_bytes: int,
        recordings: Path | None,
        submit: Callable[[Pending], None],
        reader_of: Callable[[str], str | None],
        metrics: Metrics,
    ) -> None:
        self.config = config
        self.state = CameraState.PAUSED
        self.reason: str | None = None
        self.seq = 0
        self.reconnects = 0
        self.dropped: dict[str, int] = {}
        self.latency_s: float | None = None
        #: Where its connection leads, while there is one.
        self.place: str | None = None
        self._manifest = manifest
        self._window_bytes = window_bytes
        self._recordings = recordings
        self._submit = submit
        self._reader_of = reader_of
        self._metrics = metrics
        # Looked up once: they count every window.
        self._told_total = metrics.events.labels(config.id)
        self._outside_told_total = metrics.outside.labels(config.id)
        self._builder: WindowBuilder | None = None
        self._sensor: SensorSize | None = None
        self._segment = 0
        self._arrived_s = 0.0
        #: Every event, for who may see the camera itself, and as much as messages say of them.
        self._events = Rate()
        self._events_told = Rate()
        #: Events left out: in earlier connections, up to the last window, and as much as is said.
        self._outside_before = 0
        self._outside_counted = 0
        self._outside_told = 0
        self._windows = Rate()
        self._source: Source | None = None
        self._tasks: list[asyncio.Task[None]] = []
        metrics.set_state(config.id, self.state)

    # -- what it says of itself

    def status(
        self,
        *,
        exact: bool,
        subscribers: int,
        queue: int,
        recognized: Recognized | None,
        recognition_problem: str | None,
    ) -> CameraStatus:
        """A picture of now; what the hub, the queue and the recognizer know comes from outside.

        Not ``exact``, it tells of the events no more than the messages do.
        """
        sensor = self._sensor
        events = self._events if exact else self._events_told
        return CameraStatus(
            id=self.config.id,
            url=self.config.url,
            enabled=self.config.enabled,
            state=self.state,
            reason=self.reason,
            sensor=Sensor(width=sensor.width, height=sensor.height) if sensor else None,
            segment=self._builder.segment if self._builder else self._segment,
            seq=self.seq,
            events=events.total,
            outside=self._outside if exact else self._outside_told,
            windows=self._windows.total,
            events_per_s=round(events.per_s(), 1),
            windows_per_s=round(self._windows.per_s(), 2),
            latency_ms=None if self.latency_s is None else round(1e3 * self.latency_s, 3),
            dropped=self.dropped,
            reconnects=self.reconnects,
            subscribers=subscribers,
            queue=queue,
            recognized=recognized,
            recognition_problem=recognition_problem,
        )

    @property
    def _outside(self) -> int:
        return self._outside_before + (self._builder.outside if self._builder else 0)

    def published(self, pending: Pending) -> None:
        """Told by the service: a window of this camera is with its subscribers."""
        lag_s = time.monotonic() - pending.closed_s
        self._windows.add(1)
        self.latency_s = lag_s if self.latency_s is None else 0.8 * self.latency_s + 0.2 * lag_s
        self._metrics.windows.labels(self.config.id).inc()
        self._metrics.lag.labels(self.config.id).observe(lag_s)

    def drop(self, cause: str) -> None:
        """Told by the service: a window of this camera will not be published."""
        count = self.dropped[cause] = self.dropped.get(cause, 0) + 1
        self._metrics.dropped.labels(self.config.id, cause).inc()
        # Powers of two, so that overload does not fill the disk with log lines.
        if count & (count - 1) == 0:
            log.warning(
                "window dropped",
                extra={"camera": self.config.id, "cause": cause, "count": count},
            )

    # -- its life

    def start(self) -> None:
        """Begin to read, if it is enabled and does not already."""
        if self.config.enabled and not self._tasks:
            self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._watch())]

    async def stop(self) -> None:
        """Stop reading; the window under way is closed and handed on, not lost."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._flush()
        if self.state is not CameraState.PAUSED:
            self._enter(CameraState.PAUSED)

    def _enter(self, state: CameraState, reason: str | None = None) -> None:
        if state is not self.state:
            check_transition(self.state, state)
            level = logging.WARNING if reason else logging.INFO
            log.log(
                level,
                "camera state",
                extra={"camera": self.config.id, "state": state.value, "reason": reason},
            )
        self.state = state
        self.reason = reason
        self._metrics.set_state(self.config.id, state)

    async def _run(self) -> None:
        retry_s = _FIRST_RETRY_S
        while True:
            self._enter(CameraState.CONNECTING)
            self._source = None
            seen = self._events.total
            try:
                self._source = await asyncio.to_thread(
                    open_source, CameraUrl.parse(self.config.url), self._recordings
                )
                async with aclosing(  # type: ignore[type-var]
                    self._source.packets(self._claim)
                ) as packets:
                    async for events in packets:
                        self._take(events, self._source)
                self._flush()
                self._enter(CameraState.FINISHED)
                return
            except (SourceError, EventDataError, OSError) as error:
                self._flush()
                reason = " ".join(str(error).split())
                if isinstance(error, UnusableSource) or not self._live():
                    self._enter(CameraState.FAILED, reason)
                    return
            except Exception as error:
                # A bug of ours must not look like a camera that is being connected.
                log.exception("camera task failed", extra={"camera": self.config.id})
                self._enter(CameraState.FAILED, f"internal error: {type(error).__name__}")
                return
            finally:
                self.place = None
            self.reconnects += 1
            self._metrics.reconnects.labels(self.config.id).inc()
            if self._events.total > seen:
                retry_s = _FIRST_RETRY_S
            self._enter(CameraState.WAITING, reason)
            # Jitter, so that many services do not knock on a restarted camera at once.
            await asyncio.sleep(retry_s * random.uniform(0.8, 1.2))
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)

    def _claim(self, place: str) -> None:
        """Told by the source, before anything of it is read, where it really leads."""
        # The same events under two noise draws could be averaged by whoever reads both.
        if reader := self._reader_of(place):
            raise UnusableSource(f"camera {reader!r} reads this source already")
        self.place = place

    def _live(self) -> bool:
        return self._source is None or not self._source.finite

    def _take(self, events: Packet, source: Source) -> None:
        if not len(events):
            return
        builder = self._builder or self._build(source)
        self._arrived_s = time.monotonic()
        if self.state is not CameraState.STREAMING:
            self._enter(CameraState.STREAMING)
        try:
            for window in builder.add(events):
                self._close(window)
        finally:
            self._events.add(len(events))

    def _build(self, source: Source) -> WindowBuilder:
        sensor = source.sensor
        if self.config.width and self.config.height:
            sensor = SensorSize(self.config.width, self.config.height)
        if sensor is None:
            raise UnusableSource("the stream does not say its sensor's size: give width and height")
        try:
            spec = fitting_spec(self._manifest, sensor, self._window_bytes)
        except DoesNotFit as error:
            raise UnusableSource(str(error)) from None
        self._sensor = sensor
        self._builder = WindowBuilder(spec, segment=self._segment)
        return self._builder

    def _close(self, window: Window) -> None:
        self.seq += 1
        told = magnitude(window.events)
        self._events_told.add(told)
        self._told_total.inc(told)
        self._tell_outside()
        self._submit(Pending(self.config.id, self.seq, window, time.monotonic()))

    def _tell_outside(self) -> None:
        """Say of the events left out since the last window what is said of those in one."""
        outside = self._outside
        told = magnitude(outside - self._outside_counted)
        self._outside_counted = outside
        self._outside_told += told
        self._outside_told_total.inc(told)

    def _flush(self) -> None:
        """End the segment: what comes after is another connection, perhaps another camera."""
        if self._builder:
            window = self._builder.end_segment()
            self._segment = self._builder.segment
            self._outside_before = self._outside
            self._builder = None
            if window:
                self._close(window)
            self._tell_outside()

    async def _watch(self) -> None:
        """The wall clock: closes the window of a camera that fell silent, notices quiet."""
        window_s = self._manifest.representation.window_us / 1e6
        step_s = min(window_s / 2, 0.25)
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(step_s)
            now_s = time.monotonic()
            if now_s - before_s > step_s + _GRACE_S / 2:
                # It is we who were late: what the camera sent meanwhile has yet to be read.
                continue
            silent_s = now_s - self._arrived_s
            if self._builder and silent_s > window_s + _GRACE_S:
                window = self._builder.close()
                if window:
                    self._close(window)
            if self._fell_quiet(silent_s > max(_QUIET_S, 2 * window_s)):
                self._enter(CameraState.QUIET)

    def _fell_quiet(self, silent: bool) -> bool:
        if self.state is CameraState.CONNECTING:
            return self._source is not None and self._source.connected
        return self.state is CameraState.STREAMING and silent
