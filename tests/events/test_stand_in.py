from pathlib import Path

import numpy as np
import pytest

from events.aedat4 import Aedat4Decoder
from events.packet import Packet, column_digests
from events.stand_in import SENSOR, stand_in
from tests.events.dv_oracles import joined

SHIPPED = Path(__file__).parents[2] / "service" / "assets" / "stand-in.aedat4"


@pytest.fixture(scope="module")
def shipped() -> Packet:
    decoder = Aedat4Decoder()
    parts = [events.copy() for events in decoder.feed(SHIPPED.read_bytes())]
    parts += decoder.finish()
    assert decoder.sensor == SENSOR
    assert decoder.header and decoder.header.streams[0].source == "Synthetic_1"
    return joined(parts)


def test_what_ships_is_what_is_generated(shipped: Packet) -> None:
    assert column_digests([shipped]) == column_digests(stand_in())


def test_it_is_a_recording_like_any_other(shipped: Packet) -> None:
    assert SHIPPED.stat().st_size < 1_500_000
    assert 60_000 < len(shipped) < 150_000
    assert (np.diff(shipped["t"]) >= 0).all()
    assert shipped["t"][0] >= 0
    assert 5_500_000 < shipped["t"][-1] < 6_000_000
    assert (shipped["x"] < SENSOR.width).all()
    assert (shipped["y"] < SENSOR.height).all()
    assert 0.4 < shipped["p"].mean() < 0.6


def test_first_one_arm_waves_then_the_other_then_both(shipped: Packet) -> None:
    raised = shipped[(shipped["y"] > 20) & (shipped["y"] < 60)]

    def events(start_s: float, stop_s: float) -> tuple[int, int]:
        """Beside the head, left and right of it."""
        now = raised[(raised["t"] > start_s * 1e6) & (raised["t"] < stop_s * 1e6)]
        return int((now["x"] < 40).sum()), int((now["x"] > 88).sum())

    left, right = events(0.8, 1.8)
    assert left > 10 * right
    left, right = events(2.8, 3.8)
    assert right > 10 * left
    left, right = events(4.6, 5.4)
    assert left > 2000
    assert right > 2000
