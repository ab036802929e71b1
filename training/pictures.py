"""Windows as pictures, for TensorBoard."""

import numpy as np
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from training.config import Config
from training.datasets.window_set import WindowSet
from training.seeds import torch_generator
from training.stages.cover import Cover

_SHOWN = 6


def strip(window: Tensor) -> Tensor:
    """uint8 RGB ``[3, H, T * W]``: the bins of ``window`` ``[2T, H, W]`` from left to right.

    On events are red, off events blue, the strongest percentile of all is full, and what
    lies below zero is dark.
    """
    bins = window.detach().float().clamp(min=0).reshape(-1, 2, *window.shape[1:])
    full = torch.quantile(bins.flatten()[:: max(1, bins.numel() // 65536)], 0.99).clamp(min=1)
    off, on = (bins / full).clamp(max=1).mul(255).byte().unbind(1)
    picture = torch.stack([on, torch.zeros_like(on), off])
    return picture.permute(0, 2, 1, 3).flatten(2)


class Pictures(Callback):
    """After each epoch, a few windows: raw above, covered below."""

    def __init__(self, windows: WindowSet, cover: Cover, config: Config) -> None:
        chosen = np.linspace(0, len(windows.label) - 1, _SHOWN).astype(np.int64)
        self._windows = torch.from_numpy(np.asarray(windows.windows[chosen]))
        self._cover = cover
        self._scaling = config.representation.scaling

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw them, with the same noise every time."""
        if not trainer.is_global_zero or trainer.logger is None:
            return
        raw = self._windows.to(pl_module.device).float() * self._scaling
        with torch.no_grad():
            covered = self._cover(raw, torch_generator(raw.device, "pictures"))
        rows = [
            torch.cat([strip(before), strip(after)], dim=1)
            for before, after in zip(raw, covered, strict=True)
        ]
        trainer.logger.experiment.add_image(  # type: ignore[attr-defined]
            "raw above, covered below", torch.cat(rows, dim=1).cpu(), trainer.current_epoch
        )
