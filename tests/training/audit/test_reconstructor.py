"""Networks that draw pictures, from their published files."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from models.networks.voxels import normalised, voxels
from tests.models.networks import e2vid_weights
from tests.shared_data import shared
from tests.training.audit.reconstructors import firenet_weights, made_up
from training.audit.reconstructor import load_reconstructor, stretched
from training.errors import TrainingError

#: What E2VID_lightweight.pth.tar holds beside its weights.
_PUBLISHED = {
    "arch": "E2VIDRecurrent",
    "model": {
        "num_bins": 5,
        "skip_type": "sum",
        "recurrent_block_type": "convlstm",
        "num_encoders": 3,
        "base_num_channels": 32,
        "num_residual_blocks": 2,
        "use_upsample_conv": False,
        "norm": "BN",
    },
}


def windows(count: int, bins: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.poisson(torch.full((count, 2 * bins, 20, 27), 0.3), generator)


@pytest.mark.parametrize("archive", [True, False])
def test_e2vid_is_read_from_a_file_in_the_form_of_the_published_one(
    archive: bool, tmp_path: Path
) -> None:
    path = tmp_path / "E2VID_lightweight.pth.tar"
    document = _PUBLISHED | {"state_dict": e2vid_weights.made_up()}
    # The published one is of 2019, when torch wrote no archives yet.
    torch.save(document, path, _use_new_zipfile_serialization=archive)
    found = load_reconstructor(path)
    assert found.name == "E2VID" and not found.network.training
    assert found.weights_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    expected, _ = made_up("E2VID").draw(windows(2), None)
    torch.testing.assert_close(found.draw(windows(2), None)[0], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("of", [lambda state: state, lambda state: {"state_dict": state}])
@pytest.mark.parametrize(
    ("name", "state"), [("FireNet", firenet_weights), ("E2VID", e2vid_weights.made_up)]
)
def test_which_it_is_is_told_by_the_weights_alone(
    name: str, state: Callable[[], Any], of: Callable[[Any], Any], tmp_path: Path
) -> None:
    path = tmp_path / "weights.pt"
    torch.save(of(state()), path)
    assert load_reconstructor(path).name == name


def test_published_weights_of_firenet_draw() -> None:
    found = load_reconstructor(shared("weights/firenet.state_dict.pt"))
    picture, states = found.draw(windows(2), None)
    assert found.name == "FireNet" and picture.shape == (2, 1, 20, 27) and len(states) == 2


def _without_one(state: dict[str, Tensor]) -> None:
    del state["unetrecurrent.decoders.1.norm_layer.running_var"]


def _with_one_more(state: dict[str, Tensor]) -> None:
    state["unetrecurrent.head.norm_layer.weight"] = torch.ones(32)


def _upsampled(state: dict[str, Tensor]) -> None:
    """As the larger model of the same authors has them."""
    for k in range(3):
        weight = state.pop(f"unetrecurrent.decoders.{k}.transposed_conv2d.weight")
        state[f"unetrecurrent.decoders.{k}.conv2d.weight"] = weight.transpose(0, 1)


def _of_ten_bins(state: dict[str, Tensor]) -> None:
    state["unetrecurrent.head.conv2d.weight"] = torch.zeros(32, 10, 5, 5)


@pytest.mark.parametrize("change", [_without_one, _with_one_more, _upsampled, _of_ten_bins])
def test_another_e2vid_is_one_line(
    change: Callable[[dict[str, Tensor]], None], tmp_path: Path
) -> None:
    state = e2vid_weights.made_up()
    change(state)
    _is_refused(_PUBLISHED | {"state_dict": state}, tmp_path)


@pytest.mark.parametrize(
    "document",
    [{}, [1], {"state_dict": {"a": torch.zeros(1)}}, {"state_dict": 3}, {1: torch.zeros(1)}],
)
def test_other_weights_are_one_line(document: Any, tmp_path: Path) -> None:
    _is_refused(document, tmp_path)


def _is_refused(document: Any, folder: Path) -> None:
    path = folder / "other.pt"
    torch.save(document, path)
    with pytest.raises(
        TrainingError, match=r"other\.pt: does not hold the weights of FireNet or E2VID$"
    ):
        load_reconstructor(path)


@pytest.mark.parametrize("bins", [1, 5, 10])
def test_windows_are_normalised_voxels_of_five_bins_whatever_they_have(bins: int) -> None:
    counts = windows(2, bins)
    for reconstructor in (made_up("FireNet"), made_up("E2VID")):
        picture, states = reconstructor.draw(counts, None)
        with torch.no_grad():
            drawn, _ = reconstructor.network(normalised(voxels(counts, 5)), None)
        assert torch.equal(picture, stretched(drawn)) and picture.shape == (2, 1, 20, 27)
        # Of any scale.
        torch.testing.assert_close(
            reconstructor.draw(counts / 8, None)[0], picture, rtol=0, atol=1e-4
        )
        assert not torch.allclose(reconstructor.draw(counts, states)[0], picture, atol=1e-3)


def test_contrast_is_stretched_but_not_without_end() -> None:
    flat = torch.full((1, 1, 4, 4), 0.5)
    assert torch.allclose(stretched(flat), flat)
    flat[..., 0], flat[..., 1] = 0.25, 0.75
    assert stretched(flat).unique().tolist() == [0, 0.5, 1]
