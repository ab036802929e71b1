"""Which recordings an audit takes for synthetic, and what of them it leaves on the disk."""

from pathlib import Path

import pytest

from events.aedat4 import write_aedat4
from events.packet import SensorSize
from tests.training.datasets.makers import events, representation, simulated
from training.audit.data import load
from training.errors import TrainingError


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return simulated(tmp_path / "made")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """As an operator lays out labelled recordings of people."""
    folder = simulated(tmp_path / "recorded")
    (folder / "simulation.json").unlink()
    return folder


def test_what_was_simulated_is_synthetic_and_is_cut_once(made, tmp_path):
    dataset, synthetic = load([made], representation(), tmp_path / "cache")
    assert synthetic
    assert "The recordings are synthetic." in dataset.notes
    assert any((tmp_path / "cache").rglob("*"))


def test_what_does_not_say_so_may_show_people(recorded, tmp_path):
    dataset, synthetic = load([recorded], representation(), tmp_path / "cache")
    assert not synthetic
    assert dataset.notes == ()
    assert not (tmp_path / "cache").exists()


def test_some_people_among_synthetic_ones_are_people_still(made, recorded, tmp_path):
    dataset, synthetic = load([made, recorded], representation(), tmp_path / "cache")
    assert not synthetic
    assert len(dataset.subjects) == 8


def test_recordings_of_two_sizes_are_told_of_before_they_are_mixed_up(recorded):
    other = events(7, side=6)
    path = recorded / "0-1-1.aedat4"
    path.unlink()
    write_aedat4(path, [other], SensorSize(8, 8))
    with pytest.raises(TrainingError, match=r"recorded: has windows of 8x8 and 12x16"):
        load([recorded], representation(None, None), None)
