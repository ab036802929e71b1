"""Packed windows against the arrays that they were."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from training.datasets.packed import Packed
from training.datasets.rows import Rows

_SHAPE = (2, 3, 5)


@given(
    st.lists(st.integers(0, 4).flatmap(lambda n: arrays(np.uint8, (n, *_SHAPE))), min_size=1),
    st.data(),
)
def test_rows_come_back_as_they_were(parts: list[NDArray[np.uint8]], data: st.DataObject) -> None:
    whole = np.concatenate(parts)
    # Beside an array, as of people who were recorded and others.
    rows = Rows.all_of([*map(Packed, parts), whole])
    assert rows.shape == (2 * len(whole), *_SHAPE)
    twice = np.concatenate([whole, whole])
    np.testing.assert_array_equal(np.asarray(rows), twice)
    if len(whole):
        places = np.array(data.draw(st.lists(st.integers(0, len(twice) - 1))), np.int64)
        np.testing.assert_array_equal(rows[places], twice[places])
        np.testing.assert_array_equal(rows.chosen(places)[:], twice[places])
        np.testing.assert_array_equal(rows[-1], twice[-1])


def test_what_is_mostly_empty_takes_little_and_what_is_not_hardly_more() -> None:
    empty = np.zeros((4, 20, 64, 64), np.uint8)
    empty[:, ::10, ::4, ::4] = 200
    assert Packed(empty).nbytes < empty.nbytes / 7
    full = np.full((4, 20, 64, 64), 3, np.uint8)
    assert Packed(full).nbytes < 1.2 * full.nbytes
