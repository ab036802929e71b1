"""Rows against numpy, which copies them."""

import tracemalloc

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from training.audit.case import chosen
from training.datasets.rows import Rows
from training.datasets.window_set import WindowSet

_SHAPE = (2, 3)


@st.composite
def _arrays(draw: st.DrawFn) -> list[NDArray[np.uint8]]:
    sizes = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    values = np.arange(sum(sizes) * 6, dtype=np.uint8).reshape(-1, *_SHAPE)
    return np.split(values, np.cumsum(sizes)[:-1])


@st.composite
def _rows(draw: st.DrawFn) -> tuple[Rows, NDArray[np.uint8]]:
    """Rows of rows, and the same as an array."""
    arrays = draw(_arrays())
    rows, copied = Rows.all_of(arrays), np.concatenate(arrays)
    for _ in range(draw(st.integers(0, 2))):
        if not len(rows):
            break
        places = draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
        index = np.array(places, np.int64)
        rows, copied = rows.chosen(index), copied[index]
    return rows, copied


@given(_rows(), st.data())
def test_rows_are_those_of_the_copy(
    made: tuple[Rows, NDArray[np.uint8]], data: st.DataObject
) -> None:
    rows, copied = made
    assert (len(rows), rows.shape) == (len(copied), copied.shape)
    np.testing.assert_array_equal(np.asarray(rows), copied)
    np.testing.assert_array_equal(np.array(list(rows)).reshape(copied.shape), copied)
    part = data.draw(st.slices(len(copied)))
    np.testing.assert_array_equal(rows[part], copied[part])
    if len(copied):
        place = data.draw(st.integers(-len(copied), len(copied) - 1))
        np.testing.assert_array_equal(rows[place], copied[place])
        mask = np.array(
            data.draw(st.lists(st.booleans(), min_size=len(copied), max_size=len(copied)))
        )
        np.testing.assert_array_equal(rows[mask], copied[mask])


@given(_rows(), _rows())
def test_rows_of_several_follow_each_other(
    first: tuple[Rows, NDArray[np.uint8]], second: tuple[Rows, NDArray[np.uint8]]
) -> None:
    joined = Rows.all_of([first[0], second[1], second[0]])
    np.testing.assert_array_equal(
        np.asarray(joined), np.concatenate([first[1], second[1], second[1]])
    )


def test_a_place_that_there_is_not() -> None:
    with pytest.raises(IndexError):
        Rows.all_of([np.zeros((2, *_SHAPE), np.uint8)])[2]


def test_no_array_without_a_copy() -> None:
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(Rows.all_of([np.zeros((2, *_SHAPE), np.uint8)]), copy=False)


def test_choosing_windows_reads_none() -> None:
    column = np.zeros(100, np.int64)
    windows = WindowSet(np.ones((100, 10, 64, 64), np.uint8), column, column, column, column)
    tracemalloc.start()
    half = chosen(chosen(windows, np.arange(90)), np.arange(50))
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(half) == 50
    assert held < windows.windows[:2].nbytes
