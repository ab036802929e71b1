"""Running the model backwards."""

from pathlib import Path
from typing import cast

import pytest
import torch

from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from tests.models.onnx_models import constant, node, onnx_bytes, trusted
from tests.models.verdicts import opened
from tests.training.audit.people import Nothing, case
from training.audit.attacks import white_box
from training.audit.attacks.white_box import Prior, learned_prior, solve
from training.audit.deployed import BATCH, Deployed
from training.audit.likeness import likeness
from training.audit.signal import Signal, known
from training.errors import TrainingError
from training.stages.cover import Cover, Gaussian, Learned, Raw

#: More than a model is given at a time.
SHAPE = (BATCH + 1, 10, 32, 32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the attacker who knows raw windows is trained once."""
    return tmp_path_factory.mktemp("audit")


def sparse(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    windows = torch.zeros(3, 2, 24, 24)
    windows[:, :, 8:16, 8:16] = torch.poisson(torch.full((3, 2, 8, 8), 6.0), generator)
    return windows


def test_what_was_mixed_and_scaled_is_unmixed() -> None:
    raw = sparse()

    def model(windows: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        return 3 * windows + 0.5 * windows.flip(1) - 7 + noise

    solved = solve(model, model(raw, torch.zeros_like(raw)), 0.1, Prior(0.1, 0.1), 1.0)
    assert (solved >= 0).all()
    assert likeness(solved, raw).mse < 0.05


def test_a_prior_that_fits_takes_noise_away() -> None:
    raw = sparse()
    torch.manual_seed(0)
    noisy = Gaussian(1.0)(raw)
    model = known(Gaussian(1.0), (2, 2, 24, 24))
    firm = likeness(solve(model, noisy, 1.0, learned_prior(raw).times(0.3), 1.0), raw)
    unbelieving = solve(model, noisy, 1.0, Prior(0, 0), 1.0)
    # Half of the empty cells were published as less than nothing.
    assert (noisy < 0).any() and (unbelieving >= 0).all()
    none = likeness(unbelieving, raw)
    assert firm.mse < 0.7 * none.mse < 0.7 * likeness(noisy, raw).mse
    assert firm.correlation > none.correlation


def test_the_prior_is_that_of_the_windows() -> None:
    stripes = torch.zeros(1, 2, 4, 4)
    stripes[:, :, :, ::2] = 4
    prior = learned_prior(stripes)
    # Counts of 2 on average; differences of 4 across and none down, 2 on average.
    assert (prior.sparse, prior.smooth) == (0.5, 0.5)
    assert prior.times(2).nats(stripes).tolist() == [64 + 96]


def deployed(scale: float = 3.0) -> Deployed:
    nodes = [
        node("Mul", ["noise", "std"], ["scaled"]),
        node("Add", ["events", "scaled"], ["anonymized"]),
    ]
    data = onnx_bytes(
        nodes,
        [constant("std", 2.0)],
        input_shape=("n", 10, "h", "w"),
        output_shape=("n", 10, "h", "w"),
    )
    representation = {"bins": 5, "multiple_of": 5}
    model = trusted(data, representation=representation, noise={"scale": scale})
    return Deployed(opened(model))


def bounded() -> Learned:
    torch.manual_seed(0)
    config = AnonymizerConfig(
        design="cheap", width=8, input="events", output="bounded", min_sigma=4.0, energy=50.0
    )
    return Learned(AnonymizerNetwork(config).eval(), "bounded")


@pytest.mark.parametrize("cover", [Raw(), Gaussian(3.0), deployed(), bounded()])
def test_the_model_is_that_of_the_cover(cover: Cover) -> None:
    model = known(cover, SHAPE)
    torch.manual_seed(0)
    windows = torch.poisson(torch.full(SHAPE, 2.0))
    signal = Signal(cover, threads=1)(windows)
    torch.testing.assert_close(signal, model(windows, torch.zeros(SHAPE)), atol=1e-3, rtol=1e-4)
    # Published values differ from the signal by noise alone, of the model's own deviation.
    apart = cover(windows) - signal
    assert float(apart.mean()) == pytest.approx(0, abs=0.2)
    own = white_box.noise_std(model, windows, torch.Generator().manual_seed(1))
    assert float(apart.std()) == pytest.approx(own, rel=0.05, abs=1e-6)


def test_sparse_people_are_solved_for_and_found(folder: Path) -> None:
    found = white_box.attack(case(Gaussian(0.5), folder, sample=32))
    assert found.identity is not None and found.chance is not None
    top1 = 100 * sum(hit == 1 for hit in found.identity.hits_at) / len(found.identity.hits_at)
    assert top1 > found.chance + 20
    details = {name: cast(float, value) for name, value in found.details.items()}
    assert details["mse_solved"] < details["mse_covered"] * 1.05 < details["mse_constant"]
    assert details["noise_std"] == pytest.approx(0.5, rel=0.05)
    assert details["signal_top1"] > 60
    # Noise was all there was: who knows raw windows knows the signal.
    assert not list(folder.glob("*/*/white-box/signal"))


def test_an_attacker_learns_the_signal_of_a_bounded_model(folder: Path) -> None:
    found = white_box.attack(case(bounded(), folder, sample=8, epochs=1))
    assert 0 <= cast(float, found.details["signal_top1"]) <= 100
    assert list(folder.glob("*/*/white-box/signal/reid.pt"))


def test_a_model_that_nobody_can_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing: is no cover whose weights are known"):
        white_box.attack(case(Nothing(), tmp_path, sample=4))
