"""A network over consecutive windows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.training.audit.people import Nothing, case, people
from training.audit.attacks import temporal
from training.audit.attacks.temporal import Temporal
from training.audit.findings import Finding
from training.checkpoint import load_checkpoint, unpacked
from training.datasets.window_set import Dataset, WindowSet
from training.errors import TrainingError
from training.stages.cover import Cover, Raw


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "_STEPS", 15)


def top1(finding: Finding) -> float:
    return 100 * float(np.mean(np.asarray(finding.curve[-1].identity.hits_at) == 1))


def test_raw_people_are_found_and_those_under_nothing_but_noise_are_not(folder: Path) -> None:
    found = temporal.attack(case(Raw(), folder))
    assert [point.count for point in found.curve] == [4, 8]
    assert [len(point.identity.hits_at) for point in found.curve] == [16, 8]
    assert top1(found) > 60
    assert top1(temporal.attack(case(Nothing(), folder))) < 70
    # What is trained is kept.
    network = folder / "seed-0/model-raw/temporal/temporal.pt"
    before = network.read_bytes()
    assert temporal.attack(case(Raw(), folder)) == found
    assert network.read_bytes() == before


def test_people_are_found_though_half_their_windows_show_somebody_else(folder: Path) -> None:
    dataset = people(windows=8)
    test = dataset.test
    hidden = np.arange(len(test)) % 2 == 1
    windows = test.windows.copy()
    order = np.random.default_rng(0).permutation(int(hidden.sum()))
    windows[hidden] = windows[hidden][order]
    dataset = replace(dataset, test=replace(test, windows=windows))
    hiding = case(Raw(), folder / "hidden", dataset)
    found = temporal.attack(hiding)
    # One draw of attackers finds from 44 to 100, two 70 on average; by chance 25.
    other = temporal.attack(replace(hiding, folder=folder / "other", seed=1))
    assert np.mean([top1(found), top1(other)]) > 40
    assert temporal.attack(hiding) == found


def rhythmic(whole: Dataset) -> Dataset:
    """Single windows are alike: people differ in when they are loud, four times in eight."""
    generator = np.random.default_rng(0)
    loud = generator.permuted(np.tile([0, 1], (len(whole.subjects), 4)), axis=1)

    def beaten(split: WindowSet) -> WindowSet:
        rate = np.where(loud[split.subject, np.arange(len(split)) % 8], 4.0, 0.5)
        shape = split.windows.shape
        windows = generator.poisson(rate[:, None, None, None], shape).astype(np.uint8)
        return replace(split, windows=windows)

    return replace(whole, train=beaten(whole.train), test=beaten(whole.test))


def test_people_are_found_by_their_rhythm_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporal, "_STEPS", 100)
    dataset = rhythmic(people(subjects=12, labels=4, windows=8))
    found = temporal.attack(case(Raw(), tmp_path, dataset, raw_epochs=1, epochs=6, windows=256))
    assert found.curve[-1].chance == 25
    assert top1(found) > 50


class Watched(Cover):
    """Hides nothing, and keeps what it was given."""

    name = "watched"

    def __init__(self) -> None:
        super().__init__()
        self.settings: dict[str, Any] = {}
        self.seen: list[Tensor] = []

    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        self.seen.append(windows.clone())
        return windows


def test_it_learns_from_some_sessions_augmented_and_covered_anew(tmp_path: Path) -> None:
    cover = Watched()
    one = case(cover, tmp_path, windows=40)
    # What it shares with others, it finds.
    one.attacker("residual-warm", one.raw_attacker())
    cover.seen.clear()
    temporal.attack(one)
    windows = torch.cat(cover.seen)
    # Five sessions of eight windows, covered twice, and the test, covered once.
    learned, test = windows[: 2 * 40], windows[2 * 40 :]
    np.testing.assert_array_equal(test.numpy(), one.dataset.test.windows)
    known = {window.tobytes() for window in one.dataset.train.windows}
    plain = [window.numpy().astype(np.uint8).tobytes() in known for window in learned]
    assert np.mean(plain) < 0.5
    assert not torch.equal(learned[:40], learned[40:])
    # It looks through both attackers.
    kept = unpacked(one.run.folder / "model-watched/temporal/temporal.pt")
    single = load_checkpoint(one.raw_attacker(), "reid").network().backbone.features
    assert kept["config"]["features"] == 2 * single


def test_a_single_window_is_no_sequence(tmp_path: Path) -> None:
    dataset = people(labels=1, windows=1)
    with pytest.raises(TrainingError, match="session of a single window"):
        temporal.attack(case(Raw(), tmp_path, dataset))


def test_the_order_of_windows_matters() -> None:
    torch.manual_seed(0)
    network = Temporal(6, 3).eval()
    sequence = torch.randn(2, 5, 6)
    embedding, logits = network(sequence)
    assert (embedding.shape, logits.shape) == ((2, 256), (2, 3))
    assert not torch.allclose(embedding, network(sequence.flip(1))[0])
