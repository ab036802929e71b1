import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.datasets.resize import pad_to_shape, resize_counts

sides = st.integers(1, 20)


def _counts(height: int, width: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 9, (channels, height, width)).astype(np.uint16)


@given(sides, sides, sides, sides)
def test_growing_is_torchs_nearest(
    height: int, width: int, more_rows: int, more_columns: int
) -> None:
    counts = _counts(height, width)
    size = height + more_rows, width + more_columns
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(counts.astype(np.float64))[None], size, mode="nearest"
    )[0]
    found = resize_counts(counts, *size)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, expected.numpy())


@given(sides, sides, st.data())
def test_shrinking_counts_every_event_where_its_place_falls(
    height: int, width: int, data: st.DataObject
) -> None:
    rows, columns = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    counts = _counts(height, width)
    expected = np.zeros((2, rows, columns), np.uint16)
    y, x = np.arange(height) * rows // height, np.arange(width) * columns // width
    np.add.at(expected, (slice(None), y[:, None], x[None, :]), counts)
    np.testing.assert_array_equal(resize_counts(counts, rows, columns), expected)


def test_an_axis_may_shrink_while_the_other_grows() -> None:
    found = resize_counts(np.array([[[1, 2, 3, 4]]], np.uint16), 2, 2)
    np.testing.assert_array_equal(found, [[[3, 7], [3, 7]]])


@given(sides, sides, sides, sides)
def test_padding_keeps_the_events_in_the_middle(
    height: int, width: int, tall: int, wide: int
) -> None:
    counts = _counts(height, width) + np.uint16(1)
    found = pad_to_shape(counts, tall, wide)
    _, rows, columns = found.shape
    assert rows == height or columns == width
    top, left = (rows - height) // 2, (columns - width) // 2
    np.testing.assert_array_equal(found[:, top : top + height, left : left + width], counts)
    assert found.sum() == counts.sum()


def test_a_narrow_person_becomes_a_square() -> None:
    assert pad_to_shape(_counts(160, 80), 304, 304).shape == (2, 160, 160)
    assert pad_to_shape(_counts(80, 160), 304, 304).shape == (2, 160, 160)
    assert pad_to_shape(_counts(10, 10), 128, 256).shape == (2, 10, 20)
