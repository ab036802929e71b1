"""The model as the service runs it, as attackers ask it."""

from collections.abc import Callable
from threading import Barrier
from typing import Any

import pytest
import torch

from models.anonymizer import Anonymizer
from tests.models.onnx_models import noisy
from training.audit.deployed import BATCH, Deployed


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_window_comes_back_in_its_place_and_dropped_ones_are_empty(threads: int) -> None:
    cover = Deployed.of(noisy(), threads)
    channels = cover.anonymizer.manifest.channels
    scaling = cover.anonymizer.manifest.representation.scaling
    count, dropped = 2 * BATCH + 3, BATCH + 1
    counts = 1000.0 * torch.arange(1, count + 1)
    windows = counts[:, None, None, None].expand(count, channels, 32, 32) * scaling
    windows = windows.clone()
    windows[dropped] = torch.nan
    published = cover(windows)
    assert (cover.asked, cover.dropped) == (count, 1)
    assert (published[dropped] == 0).all()
    counts[dropped] = 0
    assert published.mean(dim=(1, 2, 3)).tolist() == pytest.approx(counts.tolist(), abs=50)


def spied(monkeypatch: pytest.MonkeyPatch, told: Callable[[int], object]) -> None:
    """``told`` is called with how many windows a model is about to be given."""
    anonymize = Anonymizer.anonymize

    def spy(self: Anonymizer, histograms: Any) -> Any:
        told(len(histograms))
        return anonymize(self, histograms)

    monkeypatch.setattr(Anonymizer, "anonymize", spy)


def test_each_thread_has_a_window_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    cover = Deployed.of(noisy(), threads=3)
    together = Barrier(3)
    spied(monkeypatch, lambda windows: together.wait(timeout=60))
    cover(torch.zeros(6, cover.anonymizer.manifest.channels, 32, 32))
    assert (cover.asked, together.broken) == (6, False)


def test_a_gpu_is_given_several_windows_at_a_time_and_by_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # There may be none here: the CPU stands in for it.
    monkeypatch.setattr(Anonymizer, "device", "cuda")
    given: list[int] = []
    spied(monkeypatch, given.append)
    cover = Deployed.of(noisy(), threads=3)
    cover(torch.zeros(19, cover.anonymizer.manifest.channels, 32, 32))
    assert given == [8, 8, 3]
