"""A classifier beside the service: it reads what is published, and says what each camera shows."""

import asyncio
import logging
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from models.classifier import Classifier
from models.errors import ModelError
from service.hub import Closed, Hub
from service.message import Message
from service.metrics import Metrics
from service.reason import without_paths
from service.recognition import Recognition
from service.status import Recognized

log = logging.getLogger(__name__)

#: Windows that wait for it, a camera; more would only make its labels older.
_QUEUE_SIZE = 2
#: Where processors are short, publishing goes first.
_NICE = 10


class Recognizer:
    """Subscribes to cameras as any reader does, and has no other way to a window.

    What it gets is a :class:`service.message.Message`, so it sees only what every subscriber
    may see. It works in a thread of its own; where it is too slow its oldest window is dropped,
    and where it fails that camera has no label: both are counted, and publishing goes on.
    """

    def __init__(self, classifier: Classifier, hub: Hub, metrics: Metrics) -> None:
        self._classifier = classifier
        self._hub = hub
        self._metrics = metrics
        self._latest: dict[str, Recognized] = {}
        self._problems: dict[str, str] = {}
        self._told: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._thread = ThreadPoolExecutor(1, "recognizer", initializer=_step_back)

    @property
    def latest(self) -> Mapping[str, Recognized]:
        """What each camera shows, by its id."""
        return self._latest

    @property
    def problems(self) -> Mapping[str, str]:
        """Why a camera has no label at the moment, in one line, by its id."""
        return self._problems

    def follow(self, camera: str) -> None:
        """Read a camera from now on."""
        self._tasks[camera] = asyncio.create_task(self._follow(camera))

    def forget(self, camera: str) -> None:
        """Stop reading a camera, if it is read."""
        if task := self._tasks.pop(camera, None):
            task.cancel()
        self._latest.pop(camera, None)
        self._problems.pop(camera, None)
        self._told.discard(camera)

    async def stop(self) -> None:
        """Stop reading; what waits is not looked at."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _follow(self, camera: str) -> None:
        too_slow = self._metrics.not_recognized.labels(camera, "overflow")
        subscription = self._hub.subscribe_inside(camera, _QUEUE_SIZE, too_slow.inc)
        recognition = Recognition(self._classifier)
        try:
            while True:
                await self._recognize(camera, recognition, await subscription.get())
        except Closed:
            pass
        finally:
            self._hub.unsubscribe(camera, subscription)

    async def _recognize(self, camera: str, recognition: Recognition, message: Message) -> None:
        loop = asyncio.get_running_loop()
        try:
            recognized = await loop.run_in_executor(
                self._thread, recognition.add, message.metadata, message.tensor
            )
        except Exception as error:
            self._fail(camera, error)
            return
        if recognized:
            self._latest[camera] = recognized
        else:
            self._latest.pop(camera, None)
        self._problems.pop(camera, None)
        self._metrics.recognized.labels(camera).inc()

    def _fail(self, camera: str, error: Exception) -> None:
        self._latest.pop(camera, None)
        self._metrics.not_recognized.labels(camera, "failed").inc()
        if isinstance(error, ModelError):
            reason, self._problems[camera] = str(error), without_paths(error)
        else:
            reason, self._problems[camera] = type(error).__name__, "the classifier failed"
        if camera not in self._told:
            self._told.add(camera)
            log.error("cannot recognize", extra={"camera": camera, "reason": reason})


def _step_back() -> None:
    with suppress(OSError, AttributeError):
        # On Linux a priority is a thread's own; elsewhere there is no such process.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
