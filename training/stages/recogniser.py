"""One recogniser on covered windows: pre-training, attack and inversion attack.

::

    raw window -> augment -> cover (frozen) [-> denoiser] -> network -> loss
"""

from collections.abc import Callable
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from training.augment import augment
from training.batches import Batch
from training.config import Config, FitPart
from training.losses import reid_loss
from training.seeds import derive
from training.stages.cover import Cover
from training.stages.optimisation import adamw, cosine

#: What a network's output costs, given what the windows showed.
Loss = Callable[[Any, Batch], Tensor]


def target_cost(logits: Tensor, batch: Batch) -> Tensor:
    """Equation 3: cross-entropy of the gesture or emotion."""
    return functional.cross_entropy(logits.float(), batch.label)


def reid_cost(output: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """Equation 2: cross-entropy of the identity plus the triplet loss of the embedding."""
    return reid_loss(*output, batch.identity)


def identity_cost(output: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """Equation 2 without its triplet loss: cross-entropy of the identity."""
    return functional.cross_entropy(output[1].float(), batch.identity)


class Recogniser(LightningModule):
    """Trains ``network``, and ``denoiser`` before it where there is one, on covered windows."""

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        cover: Cover,
        config: Config,
        part: FitPart,
        seed: int,
        denoiser: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.cover = cover
        self.denoiser = denoiser
        self._loss = loss
        self._config = config
        self._part = part
        self._seed = seed

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        # Noise, augmentation and dropout depend on the step, not on when training began.
        torch.manual_seed(
            derive(self._seed, "step", self.current_epoch, batch_idx, self.global_rank)
        )
        raw = prepared(batch.windows, self._config)
        seen = self.cover(raw)
        mse = torch.zeros((), device=raw.device)
        if self.denoiser is not None:
            seen = self.denoiser(seen)
            mse = functional.mse_loss(seen.float(), raw)
            self.log("mse", mse, prog_bar=True, on_step=True, on_epoch=True, sync_dist=True)
        loss = self._loss(self.network(seen), batch)
        self.log("loss", loss, prog_bar=True, on_step=True, on_epoch=True, sync_dist=True)
        return loss + self._config.inversion.mse_weight * mse

    def configure_optimizers(self) -> Any:
        """AdamW with cosine decay, an epoch a step."""
        learning = nn.ModuleList([self.network, *([self.denoiser] if self.denoiser else [])])
        optimizer = adamw(learning.parameters(), self._part.learning_rate, self._part.weight_decay)
        return [optimizer], [cosine(optimizer, self._part.epochs)]


def prepared(windows: Tensor, config: Config) -> Tensor:
    """uint8 counts as the networks see them in training: float32, scaled, augmented."""
    return scaled(augment(windows, config.augment), config)


def scaled(windows: Tensor, config: Config) -> Tensor:
    """uint8 counts as the networks see them: float32, times the manifest's scaling."""
    return windows.float() * config.representation.scaling
