"""A camera's states, and which may follow which.

::

    paused <--> connecting --> streaming <--> quiet
                 ^     |           |            |
                 |     v           v            |
                 +-- waiting <-----+------------+
    streaming --> finished          (a recording's end)
    any --> failed                  (nothing to retry: say why)
"""

from enum import StrEnum


class CameraState(StrEnum):
    """What a camera's connection is doing."""

    CONNECTING = "connecting"
    STREAMING = "streaming"
    QUIET = "quiet"
    WAITING = "waiting"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"


_S = CameraState
NEXT: dict[CameraState, frozenset[CameraState]] = {
    _S.PAUSED: frozenset({_S.CONNECTING, _S.FAILED}),
    _S.CONNECTING: frozenset(_S) - {_S.CONNECTING},
    _S.STREAMING: frozenset({_S.QUIET, _S.WAITING, _S.FINISHED, _S.FAILED, _S.PAUSED}),
    _S.QUIET: frozenset({_S.STREAMING, _S.WAITING, _S.FINISHED, _S.FAILED, _S.PAUSED}),
    _S.WAITING: frozenset({_S.CONNECTING, _S.FAILED, _S.PAUSED}),
    _S.FINISHED: frozenset({_S.CONNECTING, _S.PAUSED}),
    _S.FAILED: frozenset({_S.CONNECTING, _S.PAUSED}),
}


def check_transition(now: CameraState, after: CameraState) -> None:
    """Raises RuntimeError on a step that the picture above does not have: a bug, not an input."""
    if after not in NEXT[now]:
        raise RuntimeError(f"a camera cannot go from {now} to {after}")
