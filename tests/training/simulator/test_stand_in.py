import importlib.resources

import numpy as np
import pytest

import service
from events.aedat4 import Aedat4Decoder
from events.packet import Packet
from tests.events.dv_oracles import joined
from training.simulator.stand_in import GESTURE_US, GESTURES, SENSOR, stand_in

SHIPPED = importlib.resources.files(service) / "assets" / "stand-in.aedat4"


@pytest.fixture(scope="module")
def shipped() -> Packet:
    decoder = Aedat4Decoder()
    parts = [events.copy() for events in decoder.feed(SHIPPED.read_bytes())]
    parts += decoder.finish()
    assert decoder.sensor == SENSOR
    assert decoder.header and decoder.header.streams[0].source == "Synthetic_1"
    return joined(parts)


def test_what_ships_is_what_is_generated(shipped: Packet) -> None:
    generated = joined(list(stand_in()))
    # Another processor rounds otherwise, and now and then an event more or less comes of it.
    assert abs(len(generated) - len(shipped)) < 0.01 * len(shipped)
    for name in "xy":
        counts = [np.bincount(events[name], minlength=128) for events in (generated, shipped)]
        assert np.abs(counts[0] - counts[1]).sum() < 0.02 * len(shipped)


def test_it_is_a_recording_like_any_other(shipped: Packet) -> None:
    assert len(SHIPPED.read_bytes()) < 2_500_000
    assert (np.diff(shipped["t"]) >= 0).all()
    assert 0 <= shipped["t"][0] < 10_000
    assert (len(GESTURES) - 0.01) * GESTURE_US < shipped["t"][-1] < len(GESTURES) * GESTURE_US
    assert (shipped["x"] < SENSOR.width).all()
    assert (shipped["y"] < SENSOR.height).all()


def test_first_the_right_arm_waves_then_the_left(shipped: Packet) -> None:
    def beside(gesture: str) -> tuple[float, float]:
        """Shares of the events far left and far right in the picture."""
        start_us = GESTURES.index(gesture) * GESTURE_US
        now = shipped[(shipped["t"] >= start_us) & (shipped["t"] < start_us + GESTURE_US)]
        return float((now["x"] < 28).mean()), float((now["x"] >= 100).mean())

    # Unmirrored: the person's right hand is at the picture's left.
    left, right = beside("right_hand_wave")
    assert left > 2 * right
    left, right = beside("left_hand_wave")
    assert right > 2 * left
