"""A network over consecutive windows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.audit.people import Nothing, case, people
from training.audit.attacks import temporal
from training.audit.attacks.temporal import Temporal
from training.audit.findings import Finding
from training.errors import TrainingError
from training.stages.cover import Raw


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
