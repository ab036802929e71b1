"""A camera's states."""

import pytest

from service.state import NEXT, CameraState, check_transition


def test_every_state_has_a_way_on_and_no_way_to_itself():
    assert set(NEXT) == set(CameraState)
    for state, following in NEXT.items():
        assert following
        assert state not in following


@pytest.mark.parametrize(
    ("now", "after"),
    [
        (CameraState.PAUSED, CameraState.STREAMING),
        (CameraState.WAITING, CameraState.STREAMING),
        (CameraState.FINISHED, CameraState.STREAMING),
        (CameraState.FAILED, CameraState.QUIET),
    ],
)
def test_steps_that_would_be_a_bug_are_refused(now, after):
    with pytest.raises(RuntimeError, match="cannot go from"):
        check_transition(now, after)
