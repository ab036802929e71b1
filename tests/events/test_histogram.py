"""Histograms and voxel grids against numpy's own counting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.histogram import count_events, spread_events
from events.packet import packet


def random_packet(seed: int, events: int, span_us: int, width: int = 9, height: int = 7):
    rng = np.random.default_rng(seed)
    return packet(
        np.sort(rng.integers(0, span_us, events)),
        rng.integers(0, width, events),
        rng.integers(0, height, events),
        rng.integers(0, 2, events),
    )


def oracle(events, t_start_us, window_us, shape):
    """Counts by np.add.at, bins by exact integer arithmetic."""
    bins = shape[0] // 2
    t = events["t"].astype(object) - t_start_us
    keep = (t >= 0) & (t < window_us)
    keep &= (events["x"] < shape[2]) & (events["y"] < shape[1])
    bin_of = np.array([int(value) * bins // window_us for value in t[keep]], dtype=int)
    counts = np.zeros(shape, np.int64)
    kept = events[keep]
    np.add.at(counts, (2 * bin_of + (kept["p"] != 0), kept["y"], kept["x"]), 1)
    return counts


@given(
    seed=st.integers(0, 2**32),
    events=st.integers(0, 3000),
    bins=st.integers(1, 7),
    window_us=st.integers(1, 5000),
    width=st.integers(1, 12),
    height=st.integers(1, 9),
)
def test_counts_equal_numpy(seed, events, bins, window_us, width, height):
    packet_ = random_packet(seed, events, 4000)
    out = np.zeros((2 * bins, height, width), np.uint16)
    stop, outside = count_events(packet_, 0, 0, window_us, out)
    assert stop == np.searchsorted(packet_["t"], window_us)
    np.testing.assert_array_equal(out, oracle(packet_, 0, window_us, out.shape))
    assert out.sum() + outside == stop


def test_unsorted_events_of_one_window_land_in_their_bins():
    events = random_packet(3, 2000, 1000)
    events = events[np.random.default_rng(0).permutation(len(events))]
    out = np.zeros((10, 7, 9), np.uint16)
    assert count_events(events, 0, 0, 1000, out) == (2000, 0)
    np.testing.assert_array_equal(out, oracle(events, 0, 1000, out.shape))


def test_a_busy_pixel_saturates_and_never_wraps():
    events = packet(np.zeros(70_000), np.full(70_000, 2), np.full(70_000, 1), np.ones(70_000))
    out = np.zeros((2, 3, 4), np.uint16)
    count_events(events, 0, 0, 10, out)
    assert out[1, 1, 2] == 65535
    assert out.sum() == 65535


def test_any_nonzero_polarity_is_on():
    events = packet([0, 0, 0], [0, 1, 2], [0, 0, 0], [0, 1, 255])
    out = np.zeros((2, 1, 3), np.uint16)
    count_events(events, 0, 0, 1, out)
    assert out.reshape(2, 3).tolist() == [[1, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize("accumulate", [count_events, spread_events])
def test_stray_coordinates_and_impossible_times_are_left_out(accumulate):
    events = packet([5, 5, -1, (1 << 62) + 1, 6], [0, 9, 0, 0, 65535], [0, 0, 0, 0, 0], [1] * 5)
    out = np.zeros((2, 7, 9), np.uint16 if accumulate is count_events else np.float32)
    assert accumulate(events, 0, 0, 100, out) == (5, 4)
    assert out.sum() == 1


def test_voxel_grid_shares_an_event_between_neighbouring_bins():
    events = packet([0, 30, 50], [0, 1, 2], [0, 0, 0], [1, 0, 1])
    out = np.zeros((6, 1, 3), np.float32)
    spread_events(events, 0, 0, 100, out)
    on, off = out[1::2, 0], out[0::2, 0]
    np.testing.assert_allclose(on[:, 0], [1, 0, 0])
    np.testing.assert_allclose(off[:, 1], [0.4, 0.6, 0], atol=1e-6)
    np.testing.assert_allclose(on[:, 2], [0, 1, 0])
    assert out.sum() == pytest.approx(3)


def test_packets_that_numpy_joined_are_counted_too():
    events = random_packet(5, 300, 1000)
    joined = np.concatenate([events[:100], events[100:]])
    out, expected = np.zeros((2, 7, 9), np.uint16), np.zeros((2, 7, 9), np.uint16)
    assert count_events(joined, 0, 0, 1000, out) == count_events(events, 0, 0, 1000, expected)
    np.testing.assert_array_equal(out, expected)
