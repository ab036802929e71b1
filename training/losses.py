"""What the networks minimise (AnonyNoise, Sec. 4.3, equations 2 to 4).

Every loss is the mean over a batch, a float32 scalar, also where the networks ran in lower
precision.
"""

import torch
from torch import Tensor
from torch.nn import functional

#: Published margin of the triplet loss, in units of the embedding's Euclidean distance.
MARGIN = 4.0


def triplet_loss(embedding: Tensor, identity: Tensor, margin: float = MARGIN) -> Tensor:
    """Batch-hard triplet loss of ``embedding`` ``[N, E]`` with int64 ``identity`` ``[N]``.

    Each sample's farthest of its own identity against its nearest of another (Hermans et
    al., "In Defense of the Triplet Loss", 2017, eq. 5). A sample without another of its own
    identity, or without one of another identity, takes no part; if none takes part the loss
    is 0 and so is its gradient.
    """
    embedding = embedding.float()
    # The exact mode: through a matrix product close points get distances of rounding errors.
    distance = torch.cdist(embedding, embedding, compute_mode="donot_use_mm_for_euclid_dist")
    same = identity[:, None] == identity[None, :]
    positive = same & ~torch.eye(len(identity), dtype=torch.bool, device=same.device)
    counted = positive.any(1)
    farthest = distance.masked_fill(~positive, 0).amax(1)
    # Without another identity the nearest is so far that the loss is 0.
    nearest = distance.masked_fill(same, torch.finfo(distance.dtype).max).amin(1)
    loss = functional.relu(margin + farthest - nearest)
    return torch.where(counted, loss, 0).sum() / counted.sum().clamp(min=1)


def reid_loss(
    embedding: Tensor, logits: Tensor, identity: Tensor, margin: float = MARGIN
) -> Tensor:
    """Equation 2, the attacker's: cross-entropy of the identity plus the triplet loss."""
    cross_entropy = functional.cross_entropy(logits.float(), identity)
    return cross_entropy + triplet_loss(embedding, identity, margin)


def anonymizer_loss(
    target_logits: Tensor,
    label: Tensor,
    embedding: Tensor,
    identity: Tensor,
    *,
    margin: float = MARGIN,
    weight: float = 1.0,
    cap: float | None = None,
) -> Tensor:
    """Equation 4: ``L_target - weight * L_triplet``.

    The triplet loss has no upper bound, so an anonymizer that can stretch an embedding gains
    without end by it. ``cap`` bounds what it gains: beyond it only the target loss moves the
    anonymizer. None, as published, does not.
    """
    triplet = triplet_loss(embedding, identity, margin)
    if cap is not None:
        triplet = triplet.clamp(max=cap)
    return functional.cross_entropy(target_logits.float(), label) - weight * triplet


def spread(signal: Tensor, label: Tensor, identity: Tensor) -> Tensor:
    """How far ``signal`` ``[N, ...]`` is apart in different people's windows of one label.

    Half the mean squared distance over pairs of the same ``label`` and another ``identity``
    (int64 ``[N]``): the variance within a label, summed over all cells; 0 without such a pair.
    In units of the noise's variance, half of it bounds in nats what a window tells of a person
    beyond the label, and what K windows tell is at most K times that: the capacity of a Gaussian
    channel of that power (Cover and Thomas, "Elements of Information Theory", 2006, eq. 9.17).
    """
    flat = signal.float().flatten(1)
    pairs = (label[:, None] == label[None, :]) & (identity[:, None] != identity[None, :])
    one, other = torch.nonzero(pairs.triu(), as_tuple=True)
    if not len(one):
        return flat.sum() * 0
    return (flat[one] - flat[other]).square().sum(1).mean() / 2
