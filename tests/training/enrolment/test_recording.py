from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.packet import Packet, packet
from tests.training.datasets.makers import SENSOR, events
from tests.training.enrolment.makers import StillCamera, taken_into
from training.enrolment import recording
from training.enrolment.recording import Taken, about, packets
from training.enrolment.sealed import Sealer, unsealed
from training.errors import TrainingError

KEY = bytes(32)


def recorded(sent: list[Packet | None], **options) -> tuple[Taken, BytesIO]:
    file = BytesIO()
    sealer = Sealer(file)
    taken = taken_into(sealer, sent, **options)
    sealer.finish(KEY, "a")
    return taken, file


def read(file: BytesIO) -> Packet:
    file.seek(0)
    return np.concatenate(list(packets(unsealed(file, KEY, "a", "file"), "file")))


@settings(max_examples=30)
@given(
    st.integers(1, 2000),
    st.lists(st.integers(0, 2000), max_size=6).map(sorted),
    st.integers(0, 1 << 40),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200),
)
def test_what_was_recorded_is_read(count: int, cuts: list[int], start_us: int, word: str) -> None:
    whole = events(count, count, start_us=start_us)
    sent: list[Packet | None] = [whole[a:b] for a, b in pairwise([0, *cuts, count])]
    taken, file = recorded([None, *sent], seconds=99.0, label=word, lighting=word[::-1])
    assert (read(file) == whole).all()
    span_us = int(whole["t"][-1]) - start_us
    assert taken == Taken(count, span_us)
    file.seek(0)
    shown, _ = about(unsealed(file, KEY, "a", "file"), "file")
    assert (shown.label, shown.lighting) == (word, word[::-1])
    assert (shown.width, shown.height) == (SENSOR.width, SENSOR.height)


def test_it_ends_by_the_events_time() -> None:
    whole = events(1, span_us=30_000)
    taken, file = recorded([whole[:200], whole[200:], events(2)], seconds=0.02)
    kept = whole[whole["t"] < 20_000]
    assert 200 < len(kept) < 400 and (read(file) == kept).all() and taken.events == len(kept)
    # An event right at the end is past it.
    edge = packet([5, 20_004, 20_005], [0] * 3, [0] * 3, [1] * 3)
    assert recorded([edge], seconds=0.02)[0].events == 2


def test_a_clock_that_stands_still_ends_by_ours() -> None:
    taken, _ = recorded([packet([7], [0], [0], [1])] * 1000, seconds=5)
    # A look a second, five of them and one more for the slack.
    assert taken == Taken(6, 0)


def test_a_clock_that_goes_backwards_is_recorded_as_it_comes() -> None:
    late, early = events(1, start_us=1_000_000), events(2)
    taken, file = recorded([late, early])
    assert (read(file) == np.concatenate([late, early])).all() and taken.events == 800


def test_a_camera_that_falls_quiet_ends_in_time() -> None:
    assert recorded([events(1)])[0].events == 400


def test_more_than_a_packet_holds_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_PACKET_EVENTS", 7)
    whole = events(1, 50)
    assert (read(recorded([whole])[1]) == whole).all()


def test_whoever_stops_it_has_what_was_there() -> None:
    seen: list[Taken] = []
    taken, file = recorded(
        [events(1), events(2, start_us=30_000)], stop=lambda: bool(seen), progress=seen.append
    )
    assert taken.stopped and taken.events == 400 and len(seen) == 1
    assert (read(file) == events(1)).all()
    assert recorded([events(1)], stop=lambda: True)[0] == Taken(stopped=True)


def test_a_camera_without_events_is_one_line() -> None:
    with pytest.raises(TrainingError, match=r"^dv://still:1: sent no event$"):
        recorded([packet([], [], [], [])])


def test_a_coordinate_that_does_not_fit_is_one_line() -> None:
    with pytest.raises(TrainingError, match=r"^dv://still:1: x: a coordinate above 32767"):
        recorded([packet([1], [40_000], [0], [1])])


def test_the_camera_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []

    def watched(camera: StillCamera):
        try:
            yield from camera.sent
        finally:
            closed.append(True)

    monkeypatch.setattr(StillCamera, "packets", watched)
    recorded([events(1)], stop=lambda: True)
    assert closed == [True]


@pytest.mark.parametrize("text", [b"", b"\0", b"\2\0{}", b"\xff\xff{}", b"\0\0"])
def test_what_is_no_recording_is_one_line(text: bytes) -> None:
    with pytest.raises(TrainingError, match=r"^file: holds no recording$"):
        about(iter([text]), "file")
