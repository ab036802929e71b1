import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from training.losses import anonymizer_loss, reid_loss, spread, triplet_loss


def brute_force(embedding: Tensor, identity: list[int], margin: float) -> float:
    """The hardest triplet of each anchor, found by trying all with torch's own triplet loss."""
    hardest = []
    for a, own in enumerate(identity):
        losses = [
            functional.triplet_margin_loss(
                embedding[a], embedding[p], embedding[n], margin=margin, eps=0
            ).item()
            for p in range(len(identity))
            for n in range(len(identity))
            if p != a and identity[p] == own and identity[n] != own
        ]
        hardest += [max(losses)] if losses else []
    return sum(hardest) / len(hardest) if hardest else 0.0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(0, 99))
def test_it_is_the_hardest_of_all_triplets(identity: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    embedding = 3 * torch.randn(len(identity), 5, generator=generator)
    for margin in (0.5, 4.0):
        loss = triplet_loss(embedding, torch.tensor(identity), margin)
        assert loss.item() == pytest.approx(brute_force(embedding, identity, margin), abs=1e-4)


@pytest.mark.parametrize(
    "identity",
    [[0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 1, 2], [5]],
    ids=["one identity", "one sample each", "some alone", "one sample"],
)
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_gradients_are_finite_whatever_the_batch(identity: list[int], spread: float) -> None:
    embedding = (spread * torch.randn(len(identity), 6)).requires_grad_()
    triplet_loss(embedding, torch.tensor(identity)).backward()
    assert embedding.grad is not None
    assert embedding.grad.isfinite().all()


def test_a_collapsed_embedding_costs_the_margin() -> None:
    loss = triplet_loss(torch.ones(4, 8), torch.tensor([0, 0, 1, 1]))
    assert loss.item() == 4.0


def test_close_points_far_from_the_origin_keep_their_distance() -> None:
    embedding = torch.tensor([[5000.0], [5000.5], [5002.0], [5002.5]])
    loss = triplet_loss(embedding, torch.tensor([0, 0, 1, 1]))
    # Hardest negatives: 2, 1.5, 1.5, 2.
    assert loss.item() == pytest.approx(4 + 0.5 - 1.75)


def test_half_precision_is_computed_in_full() -> None:
    embedding = torch.randn(6, 16).bfloat16()
    identity = torch.tensor([0, 0, 1, 1, 2, 2])
    loss = triplet_loss(embedding, identity)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(triplet_loss(embedding.float(), identity).item())


def test_losses_are_sums_of_their_parts() -> None:
    embedding, logits, target = torch.randn(6, 16), torch.randn(6, 3), torch.randn(6, 4)
    identity, label = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([3, 2, 1, 0, 1, 2])
    triplet = triplet_loss(embedding, identity).item()
    assert reid_loss(embedding, logits, identity).item() == pytest.approx(
        functional.cross_entropy(logits, identity).item() + triplet
    )
    plain = functional.cross_entropy(target, label).item()
    for weight in (1.0, 0.25):
        loss = anonymizer_loss(target, label, embedding, identity, weight=weight)
        assert loss.item() == pytest.approx(plain - weight * triplet)


def test_a_cap_ends_what_the_anonymizer_gains() -> None:
    identity, label = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 0])
    target = torch.zeros(4, 3)
    for stretch, moves in ((1e-3, True), (1e3, False)):
        embedding = (stretch * torch.randn(4, 8)).requires_grad_()
        loss = anonymizer_loss(target, label, embedding, identity, cap=6.0)
        loss.backward()
        assert embedding.grad is not None
        assert bool(embedding.grad.any()) is moves
        assert loss.item() >= math.log(3) - 6.0 - 1e-5


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=9),
    st.integers(0, 99),
)
def test_spread_is_half_the_squared_distance_of_different_people_who_do_the_same(
    rows: list[tuple[int, int]], seed: int
) -> None:
    signal = torch.randn(len(rows), 2, 3, generator=torch.Generator().manual_seed(seed))
    label, identity = torch.tensor(rows).T
    pairs = [
        float((signal[i] - signal[j]).square().sum()) / 2
        for i, (own, person) in enumerate(rows)
        for j, (other, somebody) in enumerate(rows)
        if i < j and own == other and person != somebody
    ]
    expected = sum(pairs) / len(pairs) if pairs else 0.0
    assert float(spread(signal, label, identity)) == pytest.approx(expected, rel=1e-4)


def test_spread_is_the_variance_within_a_label() -> None:
    """Of many people, by numbers drawn with a known variance; what labels differ in is free."""
    generator = torch.Generator().manual_seed(0)
    label = torch.arange(2000) % 4
    signal = 0.3 * torch.randn(2000, 10, generator=generator) + 7 * label[:, None]
    found = float(spread(signal, label, torch.arange(2000)))
    assert found == pytest.approx(10 * 0.3**2, rel=0.05)
