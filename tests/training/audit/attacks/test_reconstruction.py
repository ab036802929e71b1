"""Pictures of published windows."""

import base64
import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.audit.people import Nothing, case, people
from tests.training.audit.reconstructors import made_up
from tests.training.tiny import SIDE
from training.audit.attack_list import attacks
from training.audit.attacks import reconstruction
from training.audit.attacks.reconstruction import pictures, recordings
from training.audit.case import chosen
from training.audit.reconstructor import Reconstructor
from training.checkpoint import load_checkpoint
from training.stages.cover import Raw
from training.stages.recogniser import Recogniser, identity_cost

DATASET = people()


@pytest.fixture(scope="module", params=["FireNet", "E2VID"])
def reconstructor(request: pytest.FixtureRequest) -> Reconstructor:
    return made_up(request.param)


def test_raw_windows_give_the_very_picture_and_noise_none(
    reconstructor: Reconstructor, tmp_path: Path
) -> None:
    few: dict[str, Any] = {"sample": 16, "epochs": 1, "windows": 64}
    raw = reconstruction.attack(case(Raw(), tmp_path, **few), reconstructor, show_raw=True)
    nothing = reconstruction.attack(case(Nothing(), tmp_path, **few), reconstructor)
    seen = {name: cast(Any, value) for name, value in raw.details.items()}
    assert seen["windows"] == 16 and seen["network"] == reconstructor.name
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


def test_a_recording_begins_anew_and_goes_on(reconstructor: Reconstructor, tmp_path: Path) -> None:
    one = case(Raw(), tmp_path)
    # Recordings of different lengths, more than are in work at a time.
    windows = chosen(DATASET.test, np.flatnonzero(np.arange(len(DATASET.test)) % 7 != 3))
    every = pictures(reconstructor, Raw(), windows, one)
    for recording in np.unique(windows.recording)[[0, 5, 11]]:
        places = np.flatnonzero(windows.recording == recording)
        alone = pictures(reconstructor, Raw(), chosen(windows, places), one)
        torch.testing.assert_close(alone, every[torch.from_numpy(places)], rtol=1e-3, atol=1e-4)
        later = pictures(reconstructor, Raw(), chosen(windows, places[1:]), one)
        assert not torch.allclose(later, alone[1:], atol=1e-3)


def test_recordings_are_drawn_whole() -> None:
    found = recordings(DATASET.test, 22, np.random.default_rng(0))
    assert len(found) == 20
    assert (np.unique(found.recording, return_counts=True)[1] == 4).all()
    assert len(recordings(DATASET.test, 1, np.random.default_rng(0))) == 4


def test_who_knows_people_by_pictures_is_trained_as_whoever_begins_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fewer epochs, or the triplet loss, found 5 to 15 % of simulated eyes in pictures of raw
    # windows where this finds 44 %.
    begun: list[tuple[Recogniser, int]] = []

    def fit(module: Recogniser, *given: Any, epochs: int, **named: Any) -> None:
        begun.append((module, epochs))

    monkeypatch.setattr(reconstruction, "fit", fit)
    few: dict[str, Any] = {"sample": 8, "raw_epochs": 7, "epochs": 2, "windows": 64}
    reconstruction.attack(case(Raw(), tmp_path, **few), made_up("FireNet"))
    ((module, epochs),) = begun
    assert epochs == 7
    assert module._loss is identity_cost


def test_what_one_network_drew_is_not_taken_for_what_the_other_draws(tmp_path: Path) -> None:
    few: dict[str, Any] = {"sample": 8, "epochs": 1, "windows": 32}
    names = []
    for reconstructor in map(made_up, ("FireNet", "E2VID")):
        *_, listed = attacks(reconstructor, show_raw=False)
        assert (listed.goal, listed.controls) == ("picture", ("raw", "shuffled"))
        found = listed.run(case(Raw(), tmp_path, **few))
        assert found.attack == listed.name and found.details["network"] == reconstructor.name
        (checkpoint,) = tmp_path.rglob(f"{listed.name}/*.pt")
        assert load_checkpoint(checkpoint).trained_on["pictures"] == reconstructor.name
        names.append(listed.name)
    assert names == ["reconstruction-firenet", "reconstruction-e2vid"]
    assert all("reconstruction" not in one.name for one in attacks(None, show_raw=False))
