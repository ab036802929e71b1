"""A small network that says who is in a few windows in a row, each of which is a few numbers."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.audit.case import Case
from training.audit.findings import Point
from training.audit.sessions import (
    groups,
    put_together,
    reachable,
    runs,
    some_sessions,
    verified,
)
from training.audit.sightings import between
from training.audit.verification import PairCounts
from training.batches import identities
from training.datasets.window_set import WindowSet
from training.seeds import derive
from training.stages.optimisation import adamw, cosine

#: Windows of people to learn from, at most, in epochs of the suite; where identities are shuffled
#: one does.
_TRAINED = 2
#: Groups of a step, and how many windows of a suite's epoch are worth a step.
_BATCH, _WINDOWS_A_STEP = 256, 5
_WIDTH, _EMBEDDING = 256, 128
_RATE = 1e-3
_WEIGHT_DECAY = 0.05


class Linker(nn.Module):
    """Who is in coordinates ``[N, k]``: an embedding, and logits to train it with."""

    def __init__(self, coordinates: int, people: int) -> None:
        super().__init__()
        self.embedding = nn.Sequential(
            nn.BatchNorm1d(coordinates, affine=False),
            *self._layer(coordinates, _WIDTH),
            *self._layer(_WIDTH, _WIDTH),
            nn.Linear(_WIDTH, _EMBEDDING),
        )
        self.classifier = nn.Linear(_EMBEDDING, people)

    @staticmethod
    def _layer(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
        return (
            nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs), nn.ReLU(), nn.Dropout(0.3)
        )  # fmt: skip

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding ``[N, 128]`` and logits ``[N, people]``."""
        embedding = self.embedding(x)
        return embedding, self.classifier(embedding)

    @torch.no_grad()
    def points(self, coordinates: Tensor, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Where groups of windows, ``places`` ``[G, K]`` in ``coordinates`` ``[N, k]``, are put."""
        embedding, _ = self(coordinates[torch.from_numpy(places)].mean(dim=1))
        points: NDArray[np.float32] = embedding.numpy()
        return points


def learned_from(case: Case, generator: np.random.Generator) -> WindowSet:
    """Whole sessions of the people whom the attacker knows, as many as the suite allows."""
    epochs = 1 if case.kind == "shuffled" else _TRAINED
    return some_sessions(case.dataset.train, epochs * case.effort.windows, generator)


def linking(
    case: Case, attack: str, clean: Tensor, residual: Tensor, train: WindowSet, seen: Tensor
) -> tuple[tuple[Point, ...], PairCounts]:
    """How well a network for every number of windows links the test people: the curve.

    Beside it, of the most windows, the pairs that are of one person and those that are not.

    ``clean`` ``[N, k]`` and ``residual`` ``[M, k]``: of each of the windows ``train`` what is said
    of it, and the noise of one draw over some of them, which is as good as any over every other.
    ``seen`` ``[T, k]``: what is published of ``case.linked``. Raises :class:`TrainingError` where
    no session has enough windows.
    """
    test = case.linked
    curve = []
    for count in reachable(case.effort.draws, test, case.dataset.train):
        network = _trained(case, attack, clean, residual, train, count)
        places = groups(test, count)
        distance = between(network.points(seen, places))
        curve.append(put_together(test, places, distance))
    return tuple(curve), verified(test, places, distance)


def _trained(
    case: Case, attack: str, clean: Tensor, residual: Tensor, windows: WindowSet, count: int
) -> Linker:
    """A network for ``count`` windows added up."""
    seed = derive(case.seed, case.name, attack, count)
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    places = torch.from_numpy(runs(windows, count))
    identity = torch.from_numpy(identities(windows))[places[:, 0]]
    said = clean[places].mean(dim=1)
    network = Linker(clean.shape[1], int(identity.max()) + 1).train()
    steps = max(1, case.effort.windows // _WINDOWS_A_STEP) * case.effort.epochs
    optimizer = adamw(network.parameters(), _RATE, _WEIGHT_DECAY)
    schedule = cosine(optimizer, steps)
    for _ in range(steps):
        drawn = torch.randint(len(places), (_BATCH,), generator=generator)
        others = torch.randint(len(residual), (_BATCH, count), generator=generator)
        noise = functional.embedding_bag(others, residual, mode="mean")
        _, logits = network(said[drawn] + noise)
        loss = functional.cross_entropy(logits, identity[drawn])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval()
