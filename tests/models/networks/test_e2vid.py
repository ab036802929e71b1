"""E2VID."""

import numpy as np
import pytest
import torch
from torch import Tensor

from models.networks.e2vid import E2VID
from models.networks.voxels import normalised
from tests.models.networks.e2vid_weights import made_up, published_shapes, scattered
from tests.models.networks.grids import bins


def windows(count: int, height: int, width: int) -> list[Tensor]:
    """Normalised grids ``[1, 5, H, W]`` of a made-up recording, most of whose cells are 0."""
    return [
        normalised((1.7 * scattered((1, 5, height, width), 1000 + k)).trunc().float())
        for k in range(count)
    ]


@pytest.fixture(scope="module")
def network() -> E2VID:
    found = E2VID()
    found.load_state_dict(made_up())
    return found.eval()


def test_it_has_the_published_names_and_shapes_and_no_others() -> None:
    network = E2VID()
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes == published_shapes() and len(shapes) == 74
    assert sum(weight.numel() for weight in network.parameters()) == 10_712_098


@torch.no_grad()
def test_its_pictures_are_those_of_the_published_code(network: E2VID) -> None:
    """Values that the published code gave for the same weights and windows, cropping included."""
    states = None
    for window in windows(3, 100, 130):
        picture, states = network(window, states)
    assert picture.shape == (1, 1, 100, 130)
    rows, columns = [1, 1, 12, 51, 77, 99, 99], [3, 129, 89, 65, 3, 1, 127]
    expected = [0.68342, 0.20572, 0.50017, 0.30185, 0.66557, 0.75345, 0.33676]
    found = picture[0, 0, rows, columns]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=0, atol=1e-4)


@torch.no_grad()
def test_it_remembers_the_windows_before_and_no_others(network: E2VID) -> None:
    both = normalised(bins(2))
    first, states = network(both)
    again, _ = network(both)
    later, _ = network(both, states)
    assert torch.equal(first, again) and not torch.allclose(first, later, atol=1e-3)
    alone, own = network(both[1:])
    torch.testing.assert_close(alone, first[1:], rtol=0, atol=1e-4)
    torch.testing.assert_close(network(both[1:], own)[0], later[1:], rtol=0, atol=1e-4)
    # The first axis of every state is that of the windows.
    cut = tuple(state[1:] for state in states)
    torch.testing.assert_close(network(both[1:], cut)[0], later[1:], rtol=0, atol=1e-4)


@torch.no_grad()
def test_closed_gates_keep_the_memory_as_it_was() -> None:
    torch.manual_seed(0)
    network = E2VID().eval()
    _, states = network(normalised(bins(1)))
    for k, encoder in enumerate(network.unetrecurrent.encoders):
        width = states[2 * k].shape[1]
        bias = encoder.recurrent_block.Gates.bias
        # Nothing is written, all is kept, nothing is shown.
        bias[:width], bias[width : 2 * width], bias[2 * width : 3 * width] = -100, 100, -100
    _, later = network(normalised(bins(1, seed=1)), states)
    for k in range(3):
        assert (later[2 * k] == 0).all()
        torch.testing.assert_close(later[2 * k + 1], states[2 * k + 1])


@torch.no_grad()
@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (16, 24, (0, 0), (0, 0)),
        (100, 130, (2, 2), (3, 3)),
        # Of an odd number the larger half goes before.
        (21, 31, (2, 1), (1, 0)),
        (4, 4, (2, 2), (2, 2)),
    ],
)
def test_any_size_is_that_of_its_reflection_cut(
    network: E2VID, height: int, width: int, rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    (window,) = windows(1, height, width)
    wider = torch.from_numpy(np.pad(window.numpy(), ((0, 0), (0, 0), rows, columns), "reflect"))
    whole, whole_states = network(wider)
    picture, states = network(window)
    assert picture.shape == (1, 1, height, width)
    inside = whole[..., rows[0] : rows[0] + height, columns[0] : columns[0] + width]
    torch.testing.assert_close(picture, inside, rtol=0, atol=1e-5)
    assert all(map(torch.equal, states, whole_states))


@torch.no_grad()
def test_pictures_are_grey_values_whatever_comes_in(network: E2VID) -> None:
    for scale in (0, 1, 1e4):
        picture, states = network(scale * bins(2))
        assert float(picture.min()) >= 0 and float(picture.max()) <= 1
        assert all(state.isfinite().all() for state in states)
