"""Structural similarity, compared with torchmetrics."""

import pytest
import torch
from torchmetrics.functional.image import structural_similarity_index_measure as oracle

from training.audit.ssim import ssim


@pytest.mark.parametrize(("noise", "light"), [(0.02, 1.0), (0.2, 1.0), (1.0, 1.0), (0.0, 0.3)])
def test_it_is_that_of_torchmetrics(noise: float, light: float) -> None:
    generator = torch.Generator().manual_seed(0)
    one = torch.rand(3, 1, 24, 37, generator=generator)
    other = light * (one + noise * torch.randn(one.shape, generator=generator)).clamp(0, 1)
    found = ssim(one, other)
    _, everywhere = oracle(other, one, data_range=1.0, reduction="none", return_full_image=True)
    # It counts reflected borders in, too.
    inside = everywhere[..., 5:-5, 5:-5].mean(dim=(1, 2, 3))
    torch.testing.assert_close(found, inside, rtol=1e-3, atol=1e-4)


def test_a_picture_is_like_itself_and_unlike_its_negative() -> None:
    picture = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert ssim(picture, picture).tolist() == pytest.approx([1, 1])
    assert (ssim(picture, 1 - picture) < 0).all()
