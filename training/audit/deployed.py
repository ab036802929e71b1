"""A model as the service runs it: its ONNX file, its runtime, the production noise."""

from concurrent.futures import ThreadPoolExecutor
from typing import Self

import numpy as np
import torch
from torch import Tensor

from models.anonymizer import Anonymizer
from models.audit import manifest_digest
from models.repository import Model
from models.verdict import Anonymized
from training.stages.cover import Cover

#: Windows that a model is given at a time: of more at once it takes a gigabyte, and longer, as they
#: are in no cache.
BATCH = 8


class Deployed(Cover):
    """What the service publishes for raw windows ``[N, 2T, H, W]``.

    The noise is the operating system's and has no seed: ``generator`` is not asked, and a
    second call gives other values. A window that the service would drop is all zeros, as
    nothing of it is to be had, and counted.

    ``helpers`` are of the same model, and take their share of the windows at the same time: two
    windows side by side are sooner over than one after the other with two threads for each.
    """

    def __init__(self, anonymizer: Anonymizer, *helpers: Anonymizer) -> None:
        super().__init__()
        manifest = anonymizer.manifest
        self.anonymizer = anonymizer
        self._all = (anonymizer, *helpers)
        self.name = manifest.name
        self.settings = {
            "model_sha256": manifest.sha256,
            "manifest_sha256": manifest_digest(manifest),
        }
        #: Windows asked for, and those of them that were dropped.
        self.asked = 0
        self.dropped = 0

    @classmethod
    def of(cls, model: Model, threads: int) -> Self:
        """On a GPU where there is one, otherwise by so many CPU ``threads``.

        Raises :class:`ModelError`.
        """
        first = Anonymizer(model, threads=1)
        helpers = threads - 1 if first.device == "cpu" else 0
        return cls(first, *(Anonymizer(model, device="cpu", threads=1) for _ in range(helpers)))

    @torch.no_grad()
    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``windows`` are scaled counts, as everywhere in training."""
        scaling = self.anonymizer.manifest.representation.scaling
        counts = (windows.detach().cpu().float() / scaling).numpy()
        published = np.zeros_like(counts)
        # A CPU's single thread is quickest with what its own cache holds.
        size = 1 if self.anonymizer.device == "cpu" else BATCH
        firsts = range(0, len(counts), size)

        def publish(anonymizer: Anonymizer, share: range) -> int:
            dropped = 0
            for first in share:
                outcomes = anonymizer.anonymize(counts[first : first + size])
                for place, outcome in enumerate(outcomes, start=first):
                    if isinstance(outcome, Anonymized):
                        published[place] = outcome.tensor
                    else:
                        dropped += 1
            return dropped

        shares = [firsts[number :: len(self._all)] for number in range(len(self._all))]
        # Not kept: after a fork there would be a pool without threads.
        with ThreadPoolExecutor(len(self._all)) as pool:
            self.dropped += sum(pool.map(publish, self._all, shares))
        self.asked += len(counts)
        return torch.from_numpy(published).to(windows.device)
