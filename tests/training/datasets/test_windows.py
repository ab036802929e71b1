import numpy as np
import pytest

from events.errors import EventDataError
from events.packet import SensorSize, packet
from events.window import WindowBuilder
from tests.training.datasets.makers import SENSOR, events, representation
from training.datasets.windows import live_windows, saturated, whole_window

SPEC = representation().window_spec(SENSOR)


def test_live_windows_are_those_of_the_service() -> None:
    recording = events(1, span_us=45_000)
    builder = WindowBuilder(SPEC)
    expected = [window.tensor for window in builder.add(recording)]
    assert len(expected) == 4 and builder.pending
    found = live_windows([recording[:100], recording[100:]], SPEC)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.stack(expected))


def test_windows_without_events_are_left_out_and_those_with_one_are_not() -> None:
    quiet = packet([0, 35_000, 45_000], [1, 2, 3], [0, 0, 0], [1, 1, 1])
    found = live_windows([quiet], SPEC)
    assert found.sum(axis=(1, 2, 3)).tolist() == [1, 1]


def test_a_recording_shorter_than_a_window_gives_none() -> None:
    assert live_windows([events(1, span_us=9_000)], SPEC).shape == (0, 10, 12, 16)
    assert live_windows([], SPEC).shape == (0, 10, 12, 16)


def test_counts_stop_at_255() -> None:
    assert saturated(np.array([0, 255, 256, 65535], np.uint16)).tolist() == [0, 255, 255, 255]
    many = packet(np.arange(3_000) * 4, np.zeros(3_000), np.zeros(3_000), np.ones(3_000))
    assert live_windows([many], SPEC).max() == 255


def test_the_whole_recording_lies_in_one_window_however_long_it_is() -> None:
    recording = events(2, span_us=7_000_000)
    found = whole_window([recording[:7], recording[7:]], SPEC)
    assert found.shape == (1, 10, 12, 16)
    edges = np.linspace(0, int(recording["t"][-1]) + 1, 6)
    expected, _ = np.histogramdd(
        np.stack([recording["t"], recording["p"], recording["y"], recording["x"]], axis=1),
        bins=[edges, np.arange(3) - 0.5, np.arange(13) - 0.5, np.arange(17) - 0.5],
    )
    np.testing.assert_array_equal(found[0], expected.reshape(10, 12, 16))


def test_a_whole_recording_without_events_gives_no_window() -> None:
    assert whole_window([], SPEC).shape == (0, 10, 12, 16)


def test_a_whole_recording_must_not_go_back_behind_its_start() -> None:
    with pytest.raises(EventDataError, match="time: goes backwards"):
        whole_window([packet([50, 20], [0, 0], [0, 0], [0, 0])], SPEC)


def test_one_pixel_and_one_event_are_enough() -> None:
    spec = representation(None, None).window_spec(SensorSize(1, 1))
    assert whole_window([packet([9], [0], [0], [1])], spec).sum() == 1


def test_the_bins_of_a_whole_recording_are_equal_to_the_last_event() -> None:
    regular = packet(np.arange(10) + 3, np.zeros(10), np.zeros(10), np.ones(10))
    assert whole_window([regular], SPEC)[0, 1::2, 0, 0].tolist() == [2, 2, 2, 2, 2]
