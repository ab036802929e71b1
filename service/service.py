"""The service itself, without HTTP: cameras, pipeline, hub and recorder, wired together."""

import asyncio
import logging
from collections.abc import Callable
from typing import get_args

from models.anonymizer import Anonymizer, load_anonymizer
from models.errors import ModelError
from models.manifest import Manifest
from models.repository import reference
from models.verdict import Cause, Rejected
from service.address import CameraUrl
from service.anonymize import metadata, warm_up
from service.audit import AuditWatch, read_key
from service.camera import Camera
from service.classifiers import load_fitting
from service.close_codes import GOING_AWAY, REMOVED
from service.config import CameraConfig, Config
from service.hub import Hub, Subscription
from service.message import Message
from service.metrics import Metrics
from service.pipeline import Outcome, Pending, Pipeline
from service.reason import without_paths
from service.recognizer import Recognizer
from service.recorder import Recorder
from service.status import CameraStatus

log = logging.getLogger(__name__)

#: Cause of the windows that were not published because the model's audit does not allow it.
WITHHELD = "audit"
_OVERFLOW = "overflow"
_CAUSES = (*get_args(Cause), _OVERFLOW, WITHHELD)


class Refused(Exception):
    """A request that the service's state does not allow; ``status`` is HTTP's word for it."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status


class Service:
    """Everything between the cameras and the subscribers.

    A model that does not load does not end the service: it answers, says why it is not
    ready, and reads no camera.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.metrics = Metrics()
        self.hub = Hub(config.limits.subscriber_queue, self._subscriber_dropped)
        self.anonymizer: Anonymizer | None = None
        #: Follows the audit of the model; None until that is loaded.
        self.audit: AuditWatch | None = None
        #: Places for uploads under way; each holds a recording in memory.
        self.uploads = asyncio.Semaphore(config.limits.uploads)
        self._audit_key = read_key(config.audit)
        self._stopped = False
        #: Held by who adds, changes or removes a camera: each waits for tasks to end, and what
        #: another did meanwhile could leave one source with two readers.
        self._changing = asyncio.Lock()
        self._reason: str | None = "starting"
        self._pipeline: Pipeline | None = None
        self._recognizer: Recognizer | None = None
        self._no_recognizer: str | None = None
        self._recorder = Recorder(config.record, self.metrics) if config.record else None
        self._cameras: dict[str, Camera] = {}
        self._configs = {camera.id: camera for camera in config.cameras}

    # -- its life

    async def start(self) -> None:
        """Load and test the model, then start the configured cameras."""
        try:
            anonymizer = await asyncio.to_thread(
                load_anonymizer,
                reference(self.config.model),
                device=self.config.device,
                threads=self.config.threads,
            )
            # Compiled now and not when the first event arrives, which would stall every camera.
            await asyncio.to_thread(warm_up, anonymizer.manifest)
        except ModelError as error:
            self._reason = f"the model does not load: {without_paths(error)}"
            log.error("not ready", extra={"reason": str(error)})
            return
        self.anonymizer = anonymizer
        assert anonymizer.model.folder
        self.audit = AuditWatch(
            anonymizer.model.folder, anonymizer.manifest, self.config.audit, self._audit_key
        )
        self.audit.start()
        self._pipeline = Pipeline(
            anonymizer,
            queue_size=self.config.limits.camera_queue,
            on_outcome=self._settle,
            on_overflow=lambda camera: self._dropped(camera, _OVERFLOW),
        )
        await self._load_recognizer(anonymizer.manifest)
        self._reason = None
        manifest = anonymizer.manifest
        log.info(
            "model loaded" if self.withheld else "ready",
            extra={
                "model": manifest.name,
                "sha256": manifest.sha256,
                "device": anonymizer.device,
                "provider": anonymizer.provider,
            },
        )
        for config in self._configs.values():
            self._open(config)

    async def _load_recognizer(self, anonymizer: Manifest) -> None:
        """A service without its recognizer still publishes; the cameras say that it is missing."""
        if not self.config.recognizers:
            return
        try:
            classifier = await asyncio.to_thread(load_fitting, self.config.recognizers, anonymizer)
        except ModelError as error:
            self._no_recognizer = without_paths(error)
            log.error("no recognizer", extra={"reason": str(error)})
            return
        self._recognizer = Recognizer(classifier, self.hub, self.metrics)

    async def stop(self) -> None:
        """Stop the cameras, publish what they had, and see every subscriber off."""
        if self._stopped:
            return
        self._stopped = True
        async with self._changing:
            await asyncio.gather(*(camera.stop() for camera in self._cameras.values()))
        if self._pipeline:
            try:
                async with asyncio.timeout(self.config.limits.shutdown_s):
                    await self._pipeline.drain()
            except TimeoutError:
                log.warning("windows left behind at shutdown")
            await self._pipeline.stop()
        self._reason = "shutting down"
        if self._recognizer:
            await self._recognizer.stop()
        self.hub.close(GOING_AWAY, "service is shutting down")
        try:
            async with asyncio.timeout(self.config.limits.shutdown_s):
                await self.hub.empty.wait()
        except TimeoutError:
            log.warning("subscribers that do not read were left behind at shutdown")
        if self.audit:
            await self.audit.stop()
        if self._recorder:
            await asyncio.to_thread(self._recorder.close)

    @property
    def not_ready(self) -> str | None:
        """Why nothing is anonymized and published now; None when it is."""
        if self._reason is None and self._pipeline and not self._pipeline.alive:
            return "the anonymizer's thread has ended"
        return self._reason or self.withheld

    @property
    def withheld(self) -> str | None:
        """Why the model's audit forbids to publish anything now; None where it does not."""
        if self.config.audit.policy != "required":
            return None
        if self.audit is None:
            return "no audit was looked at"
        now = self.audit.state
        return None if now.state == "passing" else f"the audit is {now.state}: {now.reason}"

    def require_ready(self) -> Anonymizer:
        """The anonymizer. Raises :class:`Refused` when there is none to be trusted."""
        if self.not_ready or self.anonymizer is None:
            raise Refused(503, f"not ready: {self.not_ready}")
        return self.anonymizer

    # -- cameras

    def _open(self, config: CameraConfig) -> Camera:
        assert self.anonymizer and self._pipeline
        camera = Camera(
            config,
            manifest=self.anonymizer.manifest,
            window_bytes=self.config.limits.window_bytes,
            recordings=self.config.recordings,
            submit=self._pipeline.submit,
            reader_of=self._reader_of,
            metrics=self.metrics,
        )
        self.metrics.begin(config.id, _CAUSES)
        self._cameras[config.id] = camera
        if self._recognizer:
            self._recognizer.follow(config.id)
        camera.start()
        return camera

    async def add(self, config: CameraConfig) -> CameraStatus:
        """Start a new camera. Raises :class:`Refused`."""
        async with self._changing:
            self._require_running()
            self.require_ready()
            if config.id in self._cameras:
                raise Refused(409, f"camera {config.id!r} is there already")
            if len(self._cameras) >= self.config.limits.cameras:
                raise Refused(409, f"at most limits.cameras {self.config.limits.cameras} cameras")
            self._check_place(config)
            return self.status(self._open(config).config.id, exact=True)

    def _require_running(self) -> None:
        # A camera that began to read now would be stopped by nobody.
        if self._stopped:
            raise Refused(503, "the service is shutting down")

    def _check_place(self, config: CameraConfig) -> None:
        # The same events under two noise draws could be averaged by whoever reads both.
        place = CameraUrl.parse(config.url).place
        for other in self._cameras.values():
            if other.config.id != config.id and CameraUrl.parse(other.config.url).place == place:
                raise Refused(409, f"camera {other.config.id!r} reads this source already")

    def _reader_of(self, place: str) -> str | None:
        """The camera whose connection leads to ``place`` now, by whatever name."""
        for camera in self._cameras.values():
            if camera.place == place:
                return camera.config.id
        return None

    async def change(
        self, camera_id: str, update: Callable[[CameraConfig], CameraConfig]
    ) -> CameraStatus:
        """Give a camera other settings, keeping its subscribers. Raises :class:`Refused`.

        ``update`` makes them of those it has by then, so that no change undoes another.
        """
        async with self._changing:
            self._require_running()
            camera = self._camera(camera_id)
            config = update(camera.config)
            self._check_place(config)
            await camera.stop()
            camera.config = config
            camera.start()
            return self.status(camera_id, exact=True)

    async def remove(self, camera_id: str) -> None:
        """Stop and forget a camera. Raises :class:`Refused`."""
        async with self._changing:
            camera = self._camera(camera_id)
            await camera.stop()
            self._cameras.pop(camera_id)
            if self._pipeline:
                self._pipeline.remove(camera_id)
            if self._recognizer:
                self._recognizer.forget(camera_id)
            self.hub.remove(camera_id, REMOVED, "camera removed")
            self.metrics.forget(camera_id)

    def _camera(self, camera_id: str) -> Camera:
        camera = self._cameras.get(camera_id)
        if camera is None:
            raise Refused(404, f"no camera {camera_id!r}")
        return camera

    def status(self, camera_id: str, *, exact: bool = False) -> CameraStatus:
        """A camera's state; ``exact`` for who may see its events. Raises :class:`Refused`."""
        camera = self._camera(camera_id)
        recognizer = self._recognizer
        return camera.status(
            exact=exact,
            subscribers=self.hub.subscribers(camera_id),
            queue=self._pipeline.depth(camera_id) if self._pipeline else 0,
            recognized=recognizer.latest.get(camera_id) if recognizer else None,
            recognition_problem=(
                recognizer.problems.get(camera_id) if recognizer else self._no_recognizer
            ),
        )

    def statuses(self, *, exact: bool = False) -> list[CameraStatus]:
        """Every camera's state; ``exact`` for who may see its events."""
        return [self.status(camera_id, exact=exact) for camera_id in self._cameras]

    # -- windows

    def subscribe(self, camera_id: str) -> Subscription:
        """Read a camera's windows from now on. Raises :class:`Refused`."""
        self._camera(camera_id)
        if self.hub.subscribers() >= self.config.limits.subscribers:
            raise Refused(503, f"at most limits.subscribers {self.config.limits.subscribers}")
        return self.hub.subscribe(camera_id)

    def latest(self, camera_id: str) -> Message:
        """A camera's newest window. Raises :class:`Refused`, also where it was published before."""
        self._camera(camera_id)
        if problem := self.withheld:
            raise Refused(503, f"not ready: {problem}")
        message = self.hub.latest(camera_id)
        if message is None:
            raise Refused(404, f"camera {camera_id!r} has no window yet")
        return message

    def _settle(self, outcome: Outcome) -> None:
        self.metrics.inference.observe(outcome.inference_s)
        pending: Pending = outcome.pending
        camera = self._cameras.get(pending.camera)
        if camera is None:
            return
        if isinstance(outcome.result, Rejected):
            camera.drop(outcome.result.cause)
            return
        if self.withheld:
            camera.drop(WITHHELD)
            return
        message = Message(
            outcome.result,
            metadata(pending.camera, pending.seq, pending.window, camera.dropped, self._manifest),
        )
        self.hub.publish(pending.camera, message)
        camera.published(pending)
        log.debug(
            "window published",
            extra={
                "camera": pending.camera,
                "seq": pending.seq,
                "inference_s": outcome.inference_s,
            },
        )
        if self._recorder:
            self._recorder.put(pending.camera, message)

    @property
    def _manifest(self) -> Manifest:
        assert self.anonymizer
        return self.anonymizer.manifest

    def _dropped(self, camera_id: str, cause: str) -> None:
        camera = self._cameras.get(camera_id)
        if camera:
            camera.drop(cause)

    def _subscriber_dropped(self, camera_id: str) -> None:
        self.metrics.subscriber_dropped.labels(camera_id).inc()

    def exposition(self) -> bytes:
        """Prometheus' text, with the gauges as they are now."""
        self.metrics.ready.set(self.not_ready is None)
        if self.audit:
            self.metrics.set_audit(
                self.audit.state, self.audit.clock(), expected=self.audit.expected
            )
        for status in self.statuses():
            self.metrics.queue_depth.labels(status.id).set(status.queue)
            self.metrics.subscribers.labels(status.id).set(status.subscribers)
        return self.metrics.exposition()
