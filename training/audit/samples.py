"""Windows to look at, as they are and as they are published."""

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.audit.report import Sample
from training.config import Config
from training.datasets.window_set import Dataset
from training.pictures import strip
from training.seeds import torch_generator
from training.stages.cover import Cover
from training.stages.recogniser import scaled


def samples(
    dataset: Dataset, cover: Cover, config: Config, count: int, *, synthetic: bool
) -> tuple[Sample, ...]:
    """``count`` test windows in even steps, the time bins of each from left to right.

    Raw windows are shown only if ``synthetic``: whoever reads a report must not see a person
    who was recorded. What is published anybody may see. Captions do not say who it is.
    """
    windows = dataset.test
    places = np.linspace(0, len(windows) - 1, min(count, len(windows))).astype(np.int64)
    if not len(places):
        return ()
    counts = scaled(torch.from_numpy(np.array(windows.windows[places])), config)
    with torch.no_grad():
        published = cover(counts, torch_generator(counts.device, "samples"))
    return tuple(
        Sample(
            caption=_caption(dataset, int(place)),
            raw=_png(before) if synthetic else None,
            published=_png(after),
        )
        for place, before, after in zip(places, counts, published, strict=True)
    )


def _caption(dataset: Dataset, place: int) -> str:
    windows = dataset.test
    shown = [f"Test window {place}"]
    for of, names in ((windows.label, dataset.labels), (windows.condition, dataset.conditions)):
        if 0 <= of[place] < len(names):
            shown.append(names[of[place]].replace("_", " "))
    return ", ".join(shown)


def _png(window: Tensor) -> str:
    """The picture of ``window`` ``[2T, H, W]``, PNG in base64."""
    file = io.BytesIO()
    Image.fromarray(strip(window).permute(1, 2, 0).cpu().numpy()).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
