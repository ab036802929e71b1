"""An adversary who counts what people are taken for."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.training.audit.people import case, people
from training.audit.attacks import confusions
from training.audit.case import shuffled
from training.audit.findings import Finding
from training.datasets.window_set import Dataset
from training.stages.cover import Gaussian, Learned

WORK = {"windows": 8000, "draws": (1, 8, 16)}
LABELS = 4


class Mistaken(nn.Module):
    """A decision under noise, one of four patterns, and every fifth window by another one.

    Rows tell the label. For what it is taken instead, who is in the window decides, if
    ``personally``, or else a lot.
    """

    def __init__(self, *, personally: bool, loudness: float = 1.0) -> None:
        super().__init__()
        self.personally = personally
        self.loudness = loudness

    def forward(self, events: Tensor, noise: Tensor) -> Tensor:
        rows = events.mean(dim=(1, 3))
        spoken = torch.stack([rows[:, 8 * k : 8 * k + 4].mean(1) for k in range(LABELS)], 1)
        label = spoken.argmax(1)
        lot = events.sum(dim=(1, 2, 3)).long()
        loudest = events.mean(dim=(2, 3)).argmax(1)
        by = loudest // (1 + label) if self.personally else lot // 5
        other = (label + 1 + by % (LABELS - 1)) % LABELS
        said = torch.where(lot % 5 == 0, other, label)
        signal = torch.zeros_like(events)
        signal[torch.arange(len(said)), said] = self.loudness
        return signal + 0.1 * noise


def deciding(*, personally: bool, loudness: float = 1.0) -> Learned:
    return Learned(Mistaken(personally=personally, loudness=loudness), "decision")


@pytest.fixture(scope="module")
def crowd() -> Dataset:
    return people(subjects=24, tests=8, labels=LABELS, windows=32)


def top1(finding: Finding, place: int = -1) -> float:
    return 100 * float(np.mean(np.asarray(finding.curve[place].identity.hits_at) == 1))


def test_who_is_taken_for_something_of_his_own_is_found(folder: Path, crowd: Dataset) -> None:
    found = confusions.attack(case(deciding(personally=True), folder, crowd, **WORK))
    # And the whole of a session beside what the suite asks for.
    assert [point.count for point in found.curve] == [8, 16, 128]
    assert found.details["words"] == LABELS
    assert 5 < float(str(found.details["percent_else"])) < 35
    assert top1(found) > 3 * found.curve[-1].chance
    assert top1(found, 0) < top1(found)


def test_nor_does_a_quiet_decision_hide_him_who_stays(folder: Path, crowd: Dataset) -> None:
    # Under this noise every third window is misread.
    quiet = deciding(personally=True, loudness=0.15)
    found = confusions.attack(case(quiet, folder, crowd, **WORK))
    assert found.details["words"] == LABELS
    assert top1(found) > 3 * found.curve[-1].chance


def test_who_is_taken_for_anything_is_not(folder: Path, crowd: Dataset) -> None:
    found = confusions.attack(case(deciding(personally=False), folder, crowd, **WORK))
    assert top1(found, 1) < 2.2 * found.curve[1].chance


def test_of_a_model_that_says_much_it_is_counted_how_often(folder: Path, crowd: Dataset) -> None:
    found = confusions.attack(case(Gaussian(0.3), folder, crowd, **WORK))
    assert found.details == {"words": 64}
    assert [point.count for point in found.curve] == [8, 16, 128]


def test_it_is_shown_to_succeed_where_somebody_is_told_by_whom_he_looks_like(
    folder: Path, crowd: Dataset
) -> None:
    weak = replace(
        case(Gaussian(1.0), folder / "told", crowd, **WORK | {"windows": 1500}), kind="weak"
    )
    found = confusions.attack(weak)
    assert 2 <= int(str(found.details["words"])) <= 16
    assert top1(found) > 3 * found.curve[-1].chance
    dealt = shuffled(crowd, np.random.default_rng(0))
    nobody = confusions.attack(replace(weak, dataset=dealt, folder=folder / "dealt"))
    assert top1(nobody, 1) < 2.2 * nobody.curve[1].chance


def test_people_who_all_do_the_same_are_no_reason_to_doubt_it(folder: Path) -> None:
    alike = people(subjects=24, tests=8, labels=1, windows=64)
    weak = case(Gaussian(1.0), folder / "alike", alike, **WORK | {"windows": 1500})
    found = confusions.attack(replace(weak, kind="weak"))
    assert top1(found) > 3 * found.curve[-1].chance


@pytest.mark.parametrize("way", ["_by_ear", "_by_count"])
def test_neither_way_of_asking_may_fail_where_it_is_shown_to_succeed(
    folder: Path, crowd: Dataset, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(*_: object) -> object:
        return lambda places: lambda some: np.zeros((len(some), len(places))), {}

    monkeypatch.setattr(confusions, way, deaf)
    weak = case(Gaussian(1.0), folder / "told", crowd, **WORK | {"windows": 1500})
    found = confusions.attack(replace(weak, kind="weak"))
    assert top1(found) < 2.2 * found.curve[-1].chance


def test_what_says_nothing_tells_nothing(folder: Path, crowd: Dataset) -> None:
    found = confusions.attack(case(deciding(personally=True, loudness=0.0), folder, crowd, **WORK))
    assert top1(found, 1) < 2.2 * found.curve[1].chance


def test_shuffled_people_are_not_found(folder: Path, crowd: Dataset) -> None:
    dealt = shuffled(crowd, np.random.default_rng(0))
    found = confusions.attack(case(deciding(personally=True), folder, dealt, **WORK))
    assert top1(found, 1) < 2.2 * found.curve[1].chance
