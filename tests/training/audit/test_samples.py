"""Windows to look at."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.tiny import SIDE, tiny_config, tiny_dataset
from training.audit.samples import samples
from training.pictures import strip
from training.stages.cover import Gaussian, Raw


def picture(png: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png, validate=True))))


def test_raw_stands_beside_published() -> None:
    dataset = tiny_dataset()
    found = samples(dataset, Gaussian(50.0), tiny_config(), 3, synthetic=True)
    assert len(found) == 3
    windows = dataset.test.windows
    for sample, place in zip(found, (0, 11, 23), strict=True):
        assert sample.raw is not None
        expected = strip(torch.from_numpy(windows[place].astype(np.float32)))
        raw, published = picture(sample.raw), picture(sample.published)
        assert raw.shape == published.shape == (SIDE, 5 * SIDE, 3)
        np.testing.assert_array_equal(raw, expected.permute(1, 2, 0).numpy())
        assert np.abs(published.astype(int) - raw).mean() > 20
    assert found[0].caption == "Test window 0, label-0, natural"


@pytest.mark.parametrize("cover", [Raw(), Gaussian(1.0)])
def test_raw_windows_of_real_people_are_never_shown(cover) -> None:
    for sample in samples(tiny_dataset(), cover, tiny_config(), 4, synthetic=False):
        assert sample.raw is None
        assert "subject" not in sample.caption


def test_no_more_than_there_are_and_none_of_none() -> None:
    dataset = tiny_dataset(labels=0)
    assert len(samples(dataset, Raw(), tiny_config(), 100, synthetic=True)) == 8
    assert samples(dataset, Raw(), tiny_config(), 0, synthetic=True) == ()
    (one,) = samples(dataset, Raw(), tiny_config(), 1, synthetic=True)
    assert one.caption == "Test window 0, natural"
