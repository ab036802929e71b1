"""A model as the service runs it: its ONNX file, its runtime, the production noise."""

import numpy as np
import torch
from torch import Tensor

from models.anonymizer import Anonymizer
from models.audit import manifest_digest
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
    """

    def __init__(self, anonymizer: Anonymizer) -> None:
        super().__init__()
        manifest = anonymizer.manifest
        self.anonymizer = anonymizer
        self.name = manifest.name
        self.settings = {
            "model_sha256": manifest.sha256,
            "manifest_sha256": manifest_digest(manifest),
        }
        #: Windows asked for, and those of them that were dropped.
        self.asked = 0
        self.dropped = 0

    @torch.no_grad()
    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """``windows`` are scaled counts, as everywhere in training."""
        scaling = self.anonymizer.manifest.representation.scaling
        counts = (windows.detach().cpu().float() / scaling).numpy()
        published = np.zeros_like(counts)
        for first in range(0, len(counts), BATCH):
            outcomes = self.anonymizer.anonymize(counts[first : first + BATCH])
            for place, outcome in enumerate(outcomes, start=first):
                if isinstance(outcome, Anonymized):
                    published[place] = outcome.tensor
                else:
                    self.dropped += 1
        self.asked += len(counts)
        return torch.from_numpy(published).to(windows.device)
