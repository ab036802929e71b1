"""Prometheus metrics. Counts and times only; nothing here is derived from where events lie."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from service.audit import AuditState, AuditWord
from service.state import CameraState

# A second series a counter that no dashboard reads.
disable_created_metrics()  # type: ignore[no-untyped-call]

_TIMES_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """One service's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        camera = ["camera"]
        self.events = Counter(
            "anonynoise_events",
            "Events received, a window's number rounded down to a power of a thousand",
            camera,
            registry=self.registry,
        )
        self.outside = Counter(
            "anonynoise_events_outside",
            "Events outside the sensor, or at an impossible time; rounded as those received are",
            camera,
            registry=self.registry,
        )
        self.windows = Counter(
            "anonynoise_windows", "Anonymized windows published", camera, registry=self.registry
        )
        self.dropped = Counter(
            "anonynoise_windows_dropped",
            "Windows not published, by cause",
            [*camera, "cause"],
            registry=self.registry,
        )
        self.subscriber_dropped = Counter(
            "anonynoise_subscriber_windows_dropped",
            "Windows a slow subscriber did not take in time",
            camera,
            registry=self.registry,
        )
        self.lag = Histogram(
            "anonynoise_camera_lag_seconds",
            "From a window's closing to its publication",
            camera,
            buckets=_TIMES_S,
            registry=self.registry,
        )
        self.reconnects = Counter(
            "anonynoise_camera_reconnects",
            "Times a camera was lost or not reached, and tried again",
            camera,
            registry=self.registry,
        )
        self.state = Gauge(
            "anonynoise_camera_state",
            "1 for the state the camera is in",
            [*camera, "state"],
            registry=self.registry,
        )
        self.inference = Histogram(
            "anonynoise_inference_seconds",
            "One batch through the anonymizer, noise included",
            buckets=_TIMES_S,
            registry=self.registry,
        )
        self.queue_depth = Gauge(
            "anonynoise_queue_depth",
            "Closed windows waiting for the anonymizer",
            camera,
            registry=self.registry,
        )
        self.subscribers = Gauge(
            "anonynoise_subscribers", "Readers of a camera", camera, registry=self.registry
        )
        self.recognized = Counter(
            "anonynoise_windows_recognized",
            "Anonymized windows that a recognizer has looked at",
            camera,
            registry=self.registry,
        )
        self.not_recognized = Counter(
            "anonynoise_windows_not_recognized",
            "Anonymized windows that a recognizer was too slow for, or failed on",
            [*camera, "cause"],
            registry=self.registry,
        )
        self.recorded_bytes = Counter(
            "anonynoise_recorded_bytes",
            "Anonymized windows written to disk",
            registry=self.registry,
        )
        self.record_failures = Counter(
            "anonynoise_record_failures",
            "Anonymized windows that could not be written to disk",
            registry=self.registry,
        )
        self.ready = Gauge(
            "anonynoise_ready", "Whether the service can anonymize", registry=self.registry
        )
        self.audit_state = Gauge(
            "anonynoise_audit_state",
            "1 for what the model's audit is worth",
            ["state"],
            registry=self.registry,
        )
        self.audit_expected = Gauge(
            "anonynoise_audit_expected",
            "Whether a key is configured to verify the model's audit with",
            registry=self.registry,
        )
        self.audit_age = Gauge(
            "anonynoise_audit_age_seconds",
            "Since the model's audit finished; NaN without one that can be verified",
            registry=self.registry,
        )
        self.audit_worst_upper = Gauge(
            "anonynoise_audit_worst_upper",
            "Upper bound of the audit's worst attack, in percent; NaN without one",
            registry=self.registry,
        )

    def begin(self, camera: str, causes: Iterable[str]) -> None:
        """Have a camera's counters stand at 0, those of windows lost to ``causes``, too.

        Of a series that begins with its first count, Prometheus' rates never see that count.
        """
        for counter in (self.windows, self.subscriber_dropped, self.reconnects):
            counter.labels(camera)
        for cause in causes:
            self.dropped.labels(camera, cause)

    def set_state(self, camera: str, state: CameraState) -> None:
        """Mark ``state`` as the one the camera is in."""
        for other in CameraState:
            self.state.labels(camera, other.value).set(other is state)

    def set_audit(self, audit: AuditState, now: datetime, *, expected: bool) -> None:
        """What the model's audit is worth, how old it is, and what its worst attack may reach.

        ``expected``: whether one that is missing is missed.
        """
        self.audit_expected.set(expected)
        for word in get_args(AuditWord):
            self.audit_state.labels(word).set(word == audit.state)
        age_s = audit.age_s(now)
        worst = audit.statement.worst if audit.statement else None
        self.audit_age.set(math.nan if age_s is None else age_s)
        self.audit_worst_upper.set(worst.high if worst else math.nan)

    def forget(self, camera: str) -> None:
        """Drop a removed camera's gauges; its counters stay, as Prometheus expects of counters."""
        for other in CameraState:
            self.state.remove(camera, other.value)
        for gauge in (self.queue_depth, self.subscribers):
            gauge.remove_by_labels({"camera": camera})

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
