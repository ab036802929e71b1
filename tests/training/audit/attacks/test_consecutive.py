"""Consecutive windows, covered once each."""

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

from tests.training.audit.people import Nothing, case, people
from training.audit.attacks import consecutive
from training.audit.attacks.consecutive import put_together
from training.audit.case import chosen, shuffled
from training.audit.findings import Finding
from training.audit.sessions import groups, linked
from training.errors import TrainingError
from training.stages.cover import Gaussian, Raw


def top1(finding: Finding, place: int = -1) -> float:
    return 100 * float(np.mean(np.asarray(finding.curve[place].identity.hits_at) == 1))


def test_the_curve_is_of_the_sizes_that_every_session_has(folder: Path) -> None:
    found = consecutive.attack(case(Raw(), folder))
    # Sessions of eight windows: sixteen are too many.
    assert [point.count for point in found.curve] == [1, 2, 4]
    assert [len(point.identity.hits_at) for point in found.curve] == [64, 32, 16]
    assert [point.chance for point in found.curve] == [25, 25, 25]
    assert found.identity is None and found.attack == "consecutive"
    all_of_it = consecutive.attack(case(Raw(), folder, draws=(8, 9)))
    assert [(point.count, len(point.identity.hits_at)) for point in all_of_it.curve] == [(8, 8)]
    for place, count in enumerate((1, 2, 4)):
        ways = [float(found.details[f"top1_{way}_{count}"]) for way in ("embeddings", "tensors")]
        assert max(ways) == round(top1(found, place), 2)


def test_raw_people_are_found_and_those_under_nothing_but_noise_are_not(folder: Path) -> None:
    assert top1(consecutive.attack(case(Raw(), folder))) > 60
    assert top1(consecutive.attack(case(Nothing(), folder)), 0) < 45


class Channels(nn.Module):
    """The mean of every channel, for an embedding."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x.mean(dim=(2, 3)), x


def test_more_windows_help_against_noise() -> None:
    one = case(Gaussian(100.0), Path())
    windows = people(subjects=12, tests=8).test
    seen = put_together(Channels(), one.cover, windows, [1, 8], one.config, 0)
    found = []
    for count in (1, 8):
        # Of something linear, the mean's point is the points' mean: nobody was mixed up.
        np.testing.assert_allclose(
            seen["tensors"][count], seen["embeddings"][count], atol=1e-3, rtol=1e-4
        )
        scores, _ = linked(windows, groups(windows, count), seen["tensors"][count])
        found.append(np.mean(np.asarray(scores.hits_at) == 1))
    assert found[0] + 0.1 < found[1]


def test_recordings_that_take_turns_are_put_together_each_by_itself() -> None:
    one = case(Raw(), Path())
    mixed = chosen(one.dataset.test, np.random.default_rng(0).permutation(len(one.dataset.test)))
    seen = put_together(Channels(), one.cover, mixed, [1, 2], one.config, 0)
    for count in (1, 2):
        means = np.asarray(mixed.windows)[groups(mixed, count)].mean(axis=(1, 3, 4))
        np.testing.assert_allclose(seen["tensors"][count], means, rtol=1e-5)
        np.testing.assert_allclose(seen["embeddings"][count], means, rtol=1e-5)


def test_shuffled_people_are_not_found(folder: Path) -> None:
    dataset = shuffled(people(subjects=12), np.random.default_rng(0))
    found = consecutive.attack(case(Raw(), folder / "shuffled", dataset))
    assert top1(found, 0) < 45


def test_a_second_call_finds_the_same_and_trains_nothing(folder: Path) -> None:
    assert consecutive.attack(case(Raw(), folder)) == consecutive.attack(case(Raw(), folder))


def test_sessions_that_are_too_short_are_one_line(folder: Path) -> None:
    with pytest.raises(TrainingError, match="no session has 9 windows"):
        consecutive.attack(case(Raw(), folder, draws=(9, 16)))


def test_long_sessions_are_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consecutive, "_MOST_WINDOWS", 5)
    found = consecutive.attack(case(Raw(), folder))
    # Four of a recording, then a single window of the next.
    assert [len(point.identity.hits_at) for point in found.curve] == [40, 16, 8]
