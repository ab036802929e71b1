"""The adversarial stage: anonymizer against re-identification (paper, Sec. 4.3).

A step, on one batch x with fresh noise z::

    y = A(x, z) -+-> target network ---> L_target   minimised by target network and A
                 +-> re-id, held still -> L_triplet  maximised by A
    y, detached ---> re-id -------------> L_reid     minimised by re-id

By ``pipeline.averages`` the attackers meet, in place of y, the mean of many draws of it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional

from models.networks.anonymizer import AnonymizerNetwork
from models.networks.reid import ReidNetwork
from models.networks.target import TargetNetwork
from training.batches import Batch
from training.config import Config
from training.losses import anonymizer_loss, reid_loss, spread
from training.seeds import derive
from training.stages.cover import Draw, draw, standard_normal
from training.stages.optimisation import adamw, cosine, halving
from training.stages.recogniser import prepared


class Pipeline(LightningModule):
    """Min-max training of an anonymizer, a target network and one or more attackers."""

    def __init__(
        self,
        anonymizer: AnonymizerNetwork,
        target: TargetNetwork,
        attackers: Sequence[ReidNetwork],
        config: Config,
        seed: int,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.anonymizer = anonymizer
        self.target = target
        self.attackers = nn.ModuleList(attackers)
        self._config = config
        self._part = config.pipeline
        self._seed = seed

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        """One step of the anonymizer and the target network, then of every attacker."""
        # Noise, augmentation and dropout depend on the step, not on when training began.
        torch.manual_seed(
            derive(self._seed, "step", self.current_epoch, batch_idx, self.global_rank)
        )
        anonymizer_optimizer, target_optimizer, attacker_optimizer = self.optimizers()  # type: ignore[attr-defined]
        self.anonymizer.slack = self._slack(batch_idx)
        raw = prepared(batch.windows, self._config)
        drawn = self._draw(raw)

        target_logits = self.target(drawn.single)
        loss = torch.stack(
            [self._against(one, drawn.mean, target_logits, batch) for one in self.attackers]
        ).mean()
        apart = self._apart(drawn, batch)
        loss = loss + self._part.spread_weight * torch.log1p(apart)
        anonymizer_optimizer.zero_grad()
        target_optimizer.zero_grad()
        # One pass back serves both: nothing but L_target reaches the target network.
        self.manual_backward(loss)
        anonymizer_optimizer.step()
        target_optimizer.step()

        seen = drawn.mean.detach()
        for step in range(self._part.attacker_steps):
            if step > 0:
                with torch.no_grad():
                    seen = self._draw(raw).mean
            # The sum gives each attacker the gradient that it would have alone.
            reid = torch.stack([self._attack(one, seen, batch) for one in self.attackers]).sum()
            attacker_optimizer.zero_grad()
            self.manual_backward(reid)
            attacker_optimizer.step()
        right = (target_logits.argmax(1) == batch.label).float().mean()
        self.log_dict(
            {
                "anonymizer": loss,
                "reid": reid / len(self.attackers),
                "target_acc": right,
                "spread": apart,
            },
            prog_bar=True,
            on_step=True,
            on_epoch=True,
            sync_dist=True,
        )

    def _draw(self, raw: Tensor) -> Draw:
        """The target network meets single windows, the attackers a mean of them."""
        averages = self._part.averages
        count = averages[int(torch.randint(len(averages), ()))]
        return draw(self.anonymizer, raw, standard_normal(raw), count)

    def _apart(self, drawn: Draw, batch: Batch) -> Tensor:
        if not self._part.spread_weight or drawn.signal is None:
            return drawn.single.new_zeros(())
        return spread(drawn.signal, batch.label, batch.identity)

    def _against(
        self, attacker: nn.Module, seen: Tensor, target_logits: Tensor, batch: Batch
    ) -> Tensor:
        """Equation 4 against one attacker, which does not move by it."""
        part = self._part
        with held_still(attacker):
            embedding, logits = attacker(seen)
        loss = anonymizer_loss(
            target_logits,
            batch.label,
            embedding,
            batch.identity,
            weight=part.reid_weight,
            cap=part.cap,
        )
        if part.adversary_loss == "triplet+entropy":
            loss = loss - part.entropy_weight * entropy(logits)
        return loss

    def _attack(self, attacker: nn.Module, seen: Tensor, batch: Batch) -> Tensor:
        """Equation 2."""
        embedding, logits = attacker(seen)
        return reid_loss(embedding, logits, batch.identity)

    def _slack(self, batch_idx: int) -> float:
        """From ``energy_start`` to 1 in the first half of the epochs, by equal factors."""
        done = self.current_epoch + batch_idx / max(1, int(self.trainer.num_training_batches))
        return float(self._part.energy_start ** max(0.0, 1 - 2 * done / self._part.epochs))

    def on_train_epoch_end(self) -> None:
        """An epoch is a step of every schedule."""
        self.anonymizer.slack = 1.0
        for scheduler in self.lr_schedulers():  # type: ignore[union-attr]
            scheduler.step()  # type: ignore[call-arg]

    def configure_optimizers(self) -> Any:
        """AdamW: cosine decay for the anonymizer, halving steps for the others."""
        part = self._part
        anonymizer = adamw(self.anonymizer.parameters(), part.anonymizer_rate, part.weight_decay)
        others = [
            adamw(network.parameters(), part.recogniser_rate, part.weight_decay)
            for network in (self.target, self.attackers)
        ]
        return [anonymizer, *others], [
            cosine(anonymizer, part.epochs),
            *(halving(optimizer, part.halve_every) for optimizer in others),
        ]


def entropy(logits: Tensor) -> Tensor:
    """Mean entropy of ``logits`` ``[N, K]`` in nats: log K where nothing is known."""
    log_share = functional.log_softmax(logits.float(), dim=1)
    return -(log_share.exp() * log_share).sum(1).mean()


@contextmanager
def held_still(network: nn.Module) -> Iterator[None]:
    """Let gradients through ``network`` without any for it, nor a change of its statistics.

    Batch normalisation goes on using the batch's own statistics, as in the attacker's own
    step, but does not count the batch twice.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    network.requires_grad_(False)
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        network.requires_grad_(True)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
