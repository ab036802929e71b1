"""The only way from a raw window to the hub: through the anonymizer, in a thread of its own."""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from events.window import Window
from models.anonymizer import Anonymizer
from models.verdict import Anonymized, Rejected

log = logging.getLogger(__name__)

#: Windows of one shape that go through one inference. A GPU is paid by the call; a CPU takes
#: longer for a batch than for its windows one by one, and the first waits for the last.
_MOST_BATCHED = {"cuda": 8, "cpu": 1}
#: Inferences whose results the event loop has not taken yet; bounds what piles up there.
_MOST_UNDELIVERED = 4
#: Before noise is drawn ahead: the window just done is on its way, and the cores are its readers'.
_REST_S = 0.005


@dataclass(frozen=True)
class Pending:
    """A closed window on its way to the anonymizer. ``closed_s`` is monotonic time."""

    camera: str
    seq: int
    window: Window
    closed_s: float


@dataclass(frozen=True)
class Outcome:
    """What became of a window, and how long its batch's inference took."""

    pending: Pending
    result: Anonymized | Rejected
    inference_s: float


class Pipeline:
    """Bounded queues, one a camera, emptied in turn by a worker thread.

    Fail closed: the worker knows one thing to do with a window, to anonymize it, and what
    it hands on is an :class:`Outcome` whose raw window the receiver has no use for.
    """

    def __init__(
        self,
        anonymizer: Anonymizer,
        *,
        queue_size: int,
        on_outcome: Callable[[Outcome], None],
        on_overflow: Callable[[str], None],
    ) -> None:
        self._anonymizer = anonymizer
        self._most_batched = _MOST_BATCHED[anonymizer.device]
        self._queue_size = queue_size
        self._on_outcome = on_outcome
        self._on_overflow = on_overflow
        self._queues: dict[str, deque[Pending]] = {}
        self._changed = threading.Condition()
        self._undelivered = threading.Semaphore(_MOST_UNDELIVERED)
        self._stopping = False
        self._loop = asyncio.get_running_loop()
        # Submitted and not delivered yet; touched on the event loop only.
        self._outstanding = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread = threading.Thread(target=self._work, name="anonymizer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the worker runs; a service without it is not ready."""
        return self._thread.is_alive()

    def submit(self, pending: Pending) -> None:
        """Queue a window; where the camera's queue is full its oldest window is dropped."""
        with self._changed:
            queue = self._queues.setdefault(pending.camera, deque())
            overflow = len(queue) >= self._queue_size
            if overflow:
                queue.popleft()
            queue.append(pending)
            self._changed.notify()
        self._settle(1 - overflow)
        if overflow:
            self._on_overflow(pending.camera)

    def _settle(self, change: int) -> None:
        self._outstanding += change
        if self._outstanding:
            self._idle.clear()
        else:
            self._idle.set()

    def depth(self, camera: str) -> int:
        """How many windows of a camera wait."""
        return len(self._queues.get(camera, ()))

    def remove(self, camera: str) -> None:
        """Forget a camera's waiting windows."""
        with self._changed:
            queue = self._queues.pop(camera, ())
        self._settle(-len(queue))

    async def drain(self) -> None:
        """Wait until nothing waits and everything done has been delivered."""
        await self._idle.wait()

    async def stop(self) -> None:
        """End the worker; what still waits is not anonymized, and so never published."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        await asyncio.to_thread(self._thread.join)

    def _take(self) -> list[Pending]:
        """The oldest window of each camera in turn, as many as fit one inference."""
        batch: list[Pending] = []
        for camera in list(self._queues):
            queue = self._queues[camera]
            if not queue:
                continue
            tensor = queue[0].window.tensor
            if batch and (
                tensor.shape != batch[0].window.tensor.shape
                or tensor.dtype != batch[0].window.tensor.dtype
            ):
                continue
            batch.append(queue.popleft())
            # Served cameras go to the end, so that none starves.
            self._queues[camera] = self._queues.pop(camera)
            if len(batch) == self._most_batched:
                break
        return batch

    def _next(self) -> list[Pending] | None:
        """The next batch; None at the end. While there is none, noise is drawn for it."""
        drawing = True
        while True:
            with self._changed:
                if self._stopping:
                    return None
                if batch := self._take():
                    return batch
                woken = self._changed.wait(_REST_S if drawing else None)
            if not woken:
                drawing = self._anonymizer.draw_ahead()

    def _work(self) -> None:
        while True:
            self._undelivered.acquire()
            batch = self._next()
            if batch is None:
                return
            started_s = time.monotonic()
            results: list[Anonymized | Rejected]
            try:
                results = self._anonymizer.anonymize(_together(batch))
            except Exception as error:
                # The type alone: a message could quote the input.
                log.error("anonymizer failed", extra={"error": type(error).__name__})
                results = [Rejected("inference_error")] * len(batch)
            inference_s = time.monotonic() - started_s
            outcomes = [
                Outcome(pending, result, inference_s)
                for pending, result in zip(batch, results, strict=True)
            ]
            self._loop.call_soon_threadsafe(self._deliver, outcomes)

    def _deliver(self, outcomes: list[Outcome]) -> None:
        self._undelivered.release()
        try:
            for outcome in outcomes:
                self._on_outcome(outcome)
        finally:
            self._settle(-len(outcomes))


def _together(batch: list[Pending]) -> NDArray[Any]:
    """The windows as one array ``[N, 2T, H, W]``, without a copy where there is one."""
    if len(batch) == 1:
        return batch[0].window.tensor[None]
    return np.stack([pending.window.tensor for pending in batch])
