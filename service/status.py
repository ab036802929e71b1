"""What the service says of a camera."""

from typing import Annotated

from pydantic import BaseModel, Field

from service.state import CameraState


class Sensor(BaseModel):
    """Pixels of a camera's sensor."""

    width: int
    height: int


class Recognized(BaseModel):
    """What a recognizer sees in a camera's newest anonymized windows."""

    task: Annotated[str, Field(description="gesture, emotion, ...")]
    label: Annotated[str, Field(description="the most probable of the task's classes")]
    probability: Annotated[
        float, Field(ge=0, le=1, description="mean over a segment's last windows")
    ]
    seq: Annotated[int, Field(description="number of the newest window among them")]

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.label} {self.probability:.0%}"


class CameraStatus(BaseModel):
    """What the service says of a camera: counts, rates and states, never events."""

    id: str
    url: str
    enabled: bool
    state: CameraState
    reason: Annotated[str | None, Field(description="why it is in this state, in one line")]
    sensor: Sensor | None
    segment: Annotated[int, Field(description="counts restarts of the camera's clock, and gaps")]
    seq: Annotated[int, Field(description="number of the last window that was closed")]
    events: Annotated[
        int,
        Field(
            description="received; without the scope `admin`, each window counts as the power of "
            "a thousand at or below its number"
        ),
    ]
    outside: Annotated[
        int,
        Field(description="events left out: outside the sensor, or time; counted in the same way"),
    ]
    windows: Annotated[int, Field(description="anonymized windows published")]
    events_per_s: Annotated[float, Field(description="counted in the same way")]
    windows_per_s: float
    latency_ms: Annotated[
        float | None, Field(description="from a window's closing to its publication, smoothed")
    ]
    dropped: Annotated[dict[str, int], Field(description="windows not published, by cause")]
    reconnects: int
    subscribers: int
    queue: Annotated[int, Field(description="windows waiting for the anonymizer")]
    recognized: Annotated[
        Recognized | None,
        Field(description="none without a recognizer, or while too little happens for a label"),
    ] = None
    recognition_problem: Annotated[
        str | None, Field(description="why a configured recognizer says nothing, in one line")
    ] = None
