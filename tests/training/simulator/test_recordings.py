from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from events.recording import open_recording
from training.simulator import recordings
from training.simulator.pixel import PixelParameters
from training.simulator.recordings import FORMATS, draw_sensor, record, takes, write_take

SHORT_US = 60_000


def test_a_data_set_is_every_subject_label_lighting_and_repetition() -> None:
    planned = takes("gesture", ("led", "natural"), seed=0, subjects=29, repetitions=3)
    assert len(planned) == len({take.stem for take in planned}) == 29 * 11 * 2 * 3
    train, test = (
        {take.subject_name for take in planned if take.split == split}
        for split in ("train", "test")
    )
    assert len(train) == 23
    assert test == {f"subject-{number}" for number in range(24, 30)}


@pytest.mark.parametrize(("subjects", "test"), [(1, 0), (2, 1), (5, 1), (10, 2)])
def test_some_are_kept_for_testing(subjects: int, test: int) -> None:
    planned = takes("gesture", ("led",), seed=0, subjects=subjects)
    assert len({take.subject for take in planned if take.split == "test"}) == test


def test_who_is_for_testing_can_be_recorded_more_often() -> None:
    planned = takes("gesture", ("led",), seed=0, subjects=5, repetitions=2, test_repetitions=3)
    counts = Counter((take.split, take.subject_name) for take in planned)
    assert counts == {
        **{("train", f"subject-0{number}"): 2 * 11 for number in range(1, 5)},
        ("test", "subject-05"): 3 * 11,
    }


def test_a_recording_depends_on_its_take_alone() -> None:
    one, two = takes("gesture", ("led",), seed=4, subjects=1)[:2]
    packet, sensor = record(one, SHORT_US)
    assert packet.tobytes() == record(one, SHORT_US)[0].tobytes()
    assert packet.tobytes() != record(two, SHORT_US)[0].tobytes()
    assert (np.diff(packet["t"]) >= 0).all()
    assert packet["t"][0] >= 0
    assert packet["t"][-1] < SHORT_US
    assert packet["x"].max() < sensor.width
    assert packet["y"].max() < sensor.height


def test_no_two_recordings_share_a_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def spy(generator: np.random.Generator) -> PixelParameters:
        drawn.append(draw_sensor(generator))
        return drawn[-1]

    monkeypatch.setattr(recordings, "draw_sensor", spy)
    planned = takes("gesture", ("led", "natural"), seed=4, subjects=2, repetitions=2)
    for take in planned:
        record(take, 1_000)
    assert len(set(drawn)) == len(planned)


def test_formats_hold_the_same_events(tmp_path: Path) -> None:
    take = takes("gesture", ("led",), seed=4, subjects=1)[0]
    packet, sensor = record(take, SHORT_US)
    for file_format in FORMATS:
        assert write_take(take, tmp_path, SHORT_US, file_format) == len(packet)
    recording = open_recording(tmp_path / f"{take.stem}.aedat4")
    assert recording.sensor == sensor
    assert np.concatenate(list(recording.packets())).tobytes() == packet.tobytes()
    with np.load(tmp_path / f"{take.stem}.npz") as arrays:
        assert (arrays["width"], arrays["height"]) == (sensor.width, sensor.height)
        for name in "txyp":
            assert (arrays[name] == packet[name]).all()
