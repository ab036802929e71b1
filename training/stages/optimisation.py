"""AdamW and its schedules (paper, Appendix B)."""

from collections.abc import Iterable

from torch.nn import Parameter
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, StepLR


def adamw(parameters: Iterable[Parameter], rate: float, weight_decay: float) -> Optimizer:
    """The optimizer of every network and stage."""
    return AdamW(parameters, lr=rate, weight_decay=weight_decay)


def cosine(optimizer: Optimizer, epochs: int) -> LRScheduler:
    """Cosine decay to zero over ``epochs``."""
    return CosineAnnealingLR(optimizer, T_max=epochs)


def halving(optimizer: Optimizer, every: int) -> LRScheduler:
    """Half the rate every ``every`` epochs."""
    return StepLR(optimizer, step_size=every, gamma=0.5)
