"""The model as the service runs it, as attackers ask it."""

import pytest
import torch

from tests.models.onnx_models import noisy
from tests.models.verdicts import opened
from training.audit.deployed import BATCH, Deployed


def test_every_window_comes_back_in_its_place_and_dropped_ones_are_empty() -> None:
    cover = Deployed(opened(noisy()))
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
