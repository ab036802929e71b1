"""Pictures of published windows."""

import base64
import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from models.networks.firenet import FireNet
from tests.training.audit.people import Nothing, case, people
from tests.training.tiny import SIDE
from training.audit.attacks import reconstruction
from training.audit.attacks.reconstruction import (
    load_firenet,
    pictures,
    recordings,
    stretched,
    voxels,
)
from training.audit.case import chosen
from training.errors import TrainingError
from training.stages.cover import Raw

DATASET = people()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file in the form of the published one; any weights make some picture."""
    torch.manual_seed(0)
    network = FireNet()
    with torch.no_grad():
        network.net.pred.conv2d.weight *= 8
        network.net.pred.conv2d.bias.fill_(0.5)
    path = tmp_path_factory.mktemp("weights") / "firenet.pt"
    torch.save({"state_dict": network.state_dict()}, path)
    return path


def test_raw_windows_give_the_very_picture_and_noise_none(weights: Path, tmp_path: Path) -> None:
    few: dict[str, Any] = {"sample": 16, "epochs": 1, "windows": 64}
    raw = reconstruction.attack(case(Raw(), tmp_path, **few), weights, show_raw=True)
    nothing = reconstruction.attack(case(Nothing(), tmp_path, **few), weights)
    seen = {name: cast(Any, value) for name, value in raw.details.items()}
    assert seen["windows"] == 16
    assert seen["ssim"] == pytest.approx(1) and seen["mse"] == 0
    assert seen["ssim_shuffled"] < 0.99 and seen["mse_shuffled"] > 0
    unseen = {name: cast(Any, value) for name, value in nothing.details.items()}
    assert (
        unseen["ssim"] == pytest.approx(unseen["ssim_shuffled"], abs=0.1) and unseen["ssim"] < 0.9
    )
    assert raw.identity is not None and raw.verification is not None and raw.chance is not None

    # Nothing of raw windows is shown unless asked for.
    shown = {"covered", "reconstructed_covered"}
    assert all(set(one) == shown for one in unseen["pictures"])
    assert all(set(one) == {*shown, "raw", "reconstructed_raw"} for one in seen["pictures"])
    assert seen["pictures"][0]["reconstructed_raw"] == seen["pictures"][0]["reconstructed_covered"]
    picture = Image.open(io.BytesIO(base64.b64decode(seen["pictures"][0]["raw"])))
    assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (SIDE, SIDE))


def test_a_recording_begins_anew_and_goes_on(weights: Path, tmp_path: Path) -> None:
    firenet = load_firenet(weights)
    one = case(Raw(), tmp_path)
    # Recordings of different lengths, more than are in work at a time.
    windows = chosen(DATASET.test, np.flatnonzero(np.arange(len(DATASET.test)) % 7 != 3))
    every = pictures(firenet, Raw(), windows, one)
    for recording in np.unique(windows.recording)[[0, 5, 11]]:
        places = np.flatnonzero(windows.recording == recording)
        alone = pictures(firenet, Raw(), chosen(windows, places), one)
        torch.testing.assert_close(alone, every[torch.from_numpy(places)], rtol=1e-3, atol=1e-4)
        later = pictures(firenet, Raw(), chosen(windows, places[1:]), one)
        assert not torch.allclose(later, alone[1:], atol=1e-3)


def test_recordings_are_drawn_whole() -> None:
    found = recordings(DATASET.test, 22, np.random.default_rng(0))
    assert len(found) == 20
    assert (np.unique(found.recording, return_counts=True)[1] == 4).all()
    assert len(recordings(DATASET.test, 1, np.random.default_rng(0))) == 4


def test_bins_are_on_minus_off_and_five() -> None:
    windows = torch.arange(20.0).reshape(1, 20, 1, 1).expand(2, 20, 3, 4).clone()
    windows[:, 1::2] += torch.arange(10.0)[None, :, None, None]
    assert voxels(windows[:, :10])[0, :, 0, 0].tolist() == [1, 2, 3, 4, 5]
    assert voxels(windows)[0, :, 0, 0].tolist() == [1.5, 3.5, 5.5, 7.5, 9.5]
    assert voxels(windows[:, :2]).shape == (2, 5, 3, 4)


def test_contrast_is_stretched_but_not_without_end() -> None:
    flat = torch.full((1, 1, 4, 4), 0.5)
    assert torch.allclose(stretched(flat), flat)
    flat[..., 0], flat[..., 1] = 0.25, 0.75
    assert stretched(flat).unique().tolist() == [0, 0.5, 1]


@pytest.mark.parametrize("document", [{}, [1], {"state_dict": {"a": torch.zeros(1)}}])
def test_other_weights_are_one_line(document: Any, tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    torch.save(document, path)
    with pytest.raises(TrainingError, match=r"other\.pt: does not hold the weights of FireNet"):
        load_firenet(path)
