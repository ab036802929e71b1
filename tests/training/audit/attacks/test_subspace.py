"""An adversary who knows in which directions a model can say anything."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from tests.training.audit.people import Nothing, case, people
from training.audit import directions
from training.audit.attacks import subspace
from training.audit.case import shuffled
from training.audit.findings import Finding
from training.audit.sessions import groups, runs
from training.audit.signal import Signal
from training.errors import TrainingError
from training.stages.cover import Cover, Gaussian, Learned, Raw

CROWD = people(subjects=18, tests=8)
WORK = {"epochs": 1, "windows": 600}


def top1(finding: Finding, place: int = -1) -> float:
    return 100 * float(np.mean(np.asarray(finding.curve[place].identity.hits_at) == 1))


class Loud(nn.Module):
    """The mean of every channel, repeated over all cells: a pattern far below the noise."""

    def __init__(self, loudness: float, drowned: float) -> None:
        super().__init__()
        self.loudness = loudness
        self.drowned = drowned

    def forward(self, events: Tensor, noise: Tensor) -> Tensor:
        means = events.mean(dim=(2, 3), keepdim=True)
        scale = torch.ones(events.shape[1], 1, 1)
        scale[3:] = self.drowned
        return self.loudness * means.expand_as(events) + scale * noise


def whispering(loudness: float, drowned: float = 1.0) -> Learned:
    """A model of which no cell says anything, and all together nearly everything.

    All but three channels are ``drowned`` in so much more noise.
    """
    cover = Learned(AnonymizerNetwork(AnonymizerConfig(design="cheap", width=8)), "whisper")
    cover.anonymizer = Loud(loudness, drowned)  # type: ignore[assignment]
    return cover


def test_the_directions_are_those_of_the_signal() -> None:
    cover = whispering(1.0)
    windows = CROWD.train
    one = case(cover, Path())
    signal = Signal(cover, threads=1)
    where = directions.subspace(signal, windows, one.config)
    assert where.directions.shape[1] == 10
    torch.testing.assert_close(
        where.directions.T @ where.directions, torch.eye(10), atol=1e-4, rtol=0
    )
    counts = torch.from_numpy(windows.windows[:5].astype(np.float32))
    said = signal(counts)
    # Nothing of the signal is lost in them.
    again = where(said) @ where.directions.T + where.mean
    torch.testing.assert_close(again, said.flatten(1), atol=1e-3, rtol=1e-3)


def test_what_is_repeated_below_the_noise_is_found(folder: Path) -> None:
    dataset = CROWD
    found = subspace.attack(case(whispering(0.5), folder, dataset, draws=(1, 4), **WORK))
    assert [point.count for point in found.curve] == [1, 4]
    assert found.details == {"directions": 10}
    assert top1(found) > 4 * found.curve[-1].chance


def test_more_windows_help_against_noise(folder: Path) -> None:
    found = subspace.attack(case(whispering(0.015), folder, CROWD, draws=(1, 8), **WORK))
    assert top1(found, 0) + 10 < top1(found, 1)


def test_directions_that_drown_in_noise_are_not_relied_on(folder: Path) -> None:
    found = subspace.attack(case(whispering(0.5, drowned=300.0), folder, CROWD, draws=(1,), **WORK))
    assert top1(found) > 30


@pytest.mark.parametrize("cover", [Gaussian(0.3), Raw()])
def test_people_under_next_to_no_noise_are_found(cover: Cover, folder: Path) -> None:
    found = subspace.attack(case(cover, folder, CROWD, draws=(4,), **WORK))
    assert top1(found) > 3 * found.curve[0].chance


def test_what_says_nothing_tells_nothing(folder: Path) -> None:
    found = subspace.attack(case(whispering(0.0), folder, CROWD, draws=(1, 4), **WORK))
    assert found.details == {"directions": 1}
    assert top1(found, 0) < 30


def test_shuffled_people_are_not_found(folder: Path) -> None:
    dataset = shuffled(CROWD, np.random.default_rng(0))
    found = subspace.attack(case(whispering(0.5), folder, dataset, draws=(1,), **WORK))
    assert top1(found) < 30


def test_a_second_call_finds_the_same(folder: Path) -> None:
    one = case(whispering(0.1), folder, draws=(1, 2), **WORK)
    assert subspace.attack(one) == subspace.attack(one)


def test_what_cannot_be_run_without_noise_is_one_line(folder: Path) -> None:
    with pytest.raises(TrainingError, match="nothing: is no cover whose weights are known"):
        subspace.attack(case(Nothing(), folder))
    with pytest.raises(TrainingError, match="no session has 9 windows"):
        subspace.attack(case(Raw(), folder, draws=(9,)))


def test_runs_are_all_groups_there_are() -> None:
    """Within a recording, as long as recordings are long enough; else within a session."""
    windows = CROWD.train
    for count in (1, 3, 6):
        found = runs(windows, count)
        assert {tuple(row) for row in groups(windows, count)} <= {tuple(row) for row in found}
        assert len({tuple(row) for row in found.tolist()}) == len(found)
        for row in found:
            assert len(set(windows.subject[row])) == len(set(windows.condition[row])) == 1
            assert count > 4 or len(set(windows.recording[row])) == 1
    assert len(runs(windows, 3)) == len(np.unique(windows.recording)) * 2
