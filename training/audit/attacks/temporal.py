"""Temporal: a network that watches several windows in a row.

The adversary knows which published windows follow each other and has retrained on covered windows
of other people. What his networks make of single windows, the retrained one and the one of raw
windows, he gives to a recurrent network, which learns from sequences of those people how somebody
moves from one window to the next: the rhythm, which no single window shows. Then he links
sequences of people he never saw with those of other sessions, in another light. Success: the same
person ranks first more often than by chance. Like the consecutive one, it can be carried out.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.networks.embedding import EMBEDDING, embedding_block
from models.networks.reid import ReidNetwork
from training.audit.case import Case
from training.audit.findings import Finding
from training.audit.sessions import (
    groups,
    in_order,
    longest,
    put_together,
    some_sessions,
    verified,
)
from training.audit.sightings import between
from training.batches import identities
from training.checkpoint import load_checkpoint, packed, unpacked
from training.config import Config
from training.datasets.window_set import WindowSet
from training.device import device
from training.errors import TrainingError
from training.evaluate import raw_batches
from training.files import write_whole
from training.losses import reid_loss
from training.seeds import derive, numpy_generator, torch_generator
from training.stages.cover import Cover
from training.stages.folder import Done, StageFolder
from training.stages.optimisation import adamw, cosine
from training.stages.recogniser import prepared, scaled

NAME = "temporal"

#: Windows in a row: of training sequences any number from the one to the other.
SHORTEST, LONGEST = 4, 8
_WIDTH = 128
#: Of an epoch: each is a batch of sequences, which costs as much as two windows or three.
_STEPS = 100
_RATE = 1e-3
_WEIGHT_DECAY = 0.05


class Temporal(nn.Module):
    """Who is in a sequence: an embedding, and logits to train it with."""

    def __init__(self, features: int, people: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(features)
        self.drop = nn.Dropout(0.2)
        self.first = nn.Linear(features, _WIDTH)
        self.recurrent = nn.GRU(_WIDTH, _WIDTH, batch_first=True, bidirectional=True)
        self.embedding = embedding_block(features + 2 * _WIDTH, 0.1)
        self.classifier = nn.Linear(EMBEDDING, people)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embedding ``[N, 256]`` and logits ``[N, people]`` of features ``[N, S, F]``."""
        x = self.norm(x.transpose(1, 2)).transpose(1, 2)
        states, _ = self.recurrent(torch.relu(self.first(self.drop(x))))
        # The windows' own mean beside it: it need not learn what an average knows.
        embedding = self.embedding(torch.cat([x.mean(dim=1), states.mean(dim=1)], dim=1))
        return embedding, self.classifier(embedding)


def attack(case: Case) -> Finding:
    """Identity over sequences of the shortest and of the longest length."""
    test = case.dataset.test
    most = min(LONGEST, longest(test, case.dataset.train))
    if most < 2:
        raise TrainingError("a session of a single window", field="consecutive windows")
    lengths = sorted({min(SHORTEST, most), most})
    start = case.raw_attacker()
    paths = (case.attacker("residual-warm", start), start)
    network = _trained(case, paths, lengths)
    networks = _networks(paths)
    seen = _features(networks, case.cover, test, case.config, (case.seed, NAME, "test"))
    curve = []
    for length in lengths:
        places = groups(test, length)
        distance = between(_embedded(network, seen[places]))
        curve.append(put_together(test, places, distance))
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        curve=tuple(curve),
        verification=verified(test, places, distance),
    )


def _trained(case: Case, paths: Sequence[Path], lengths: Sequence[int]) -> Temporal:
    """The recurrent network; trained now if there is none yet."""
    folder = StageFolder(case.run.folder / case.name / NAME)
    settings = {
        "seed": case.seed,
        "data": case.run.content,
        "cover": case.cover.settings,
        "effort": {"epochs": case.effort.epochs, "windows": case.effort.windows},
        "batch": case.config.batch.model_dump(mode="json"),
        "lengths": list(lengths),
    }
    file = folder.network(NAME)
    if folder.open(settings) is None:
        start_s = time.monotonic()
        network, people = _train(case, paths, lengths)
        config = {"features": network.norm.num_features, "people": people}
        write_whole(file, packed({"config": config, "state": network.state_dict()}))
        folder.close(Done(duration_s=time.monotonic() - start_s))
    kept = unpacked(file)
    network = Temporal(**kept["config"])
    network.load_state_dict(kept["state"])
    return network.eval()


def _train(case: Case, paths: Sequence[Path], lengths: Sequence[int]) -> tuple[Temporal, int]:
    config, effort = case.config, case.effort
    seed = derive(case.seed, case.name, NAME)
    windows = some_sessions(case.dataset.train, effort.windows, numpy_generator(seed, "sessions"))
    networks = _networks(paths)
    draws = max(2, effort.epochs // 2)
    bank = np.stack(
        [
            _features(networks, case.cover, windows, config, (seed, draw), augmented=True)
            for draw in range(draws)
        ]
    )
    place = device(config.compute)
    torch.manual_seed(seed)
    identity = identities(windows)
    people = int(identity.max()) + 1
    network = Temporal(bank.shape[2], people).to(place).train()
    optimizer = adamw(network.parameters(), _RATE, _WEIGHT_DECAY)
    schedule = cosine(optimizer, effort.epochs)
    generator = numpy_generator(seed, "sequences")
    rows = [row for row in in_order(windows) if len(row) >= lengths[-1]]
    of = {person: [row for row in rows if identity[row[0]] == person] for person in range(people)}
    who = [person for person, own in of.items() if own]
    each = min(len(who), config.batch.identities or 8)
    sequences = max(2, config.batch.size // each)
    for _ in range(effort.epochs):
        for _ in range(_STEPS):
            length = int(generator.integers(lengths[0], lengths[-1] + 1))
            drawn = generator.choice(who, each, replace=False).repeat(sequences)
            places = np.stack([_sequence(of[person], length, generator) for person in drawn])
            copies = generator.integers(draws, size=places.shape)
            embedding, logits = network(torch.from_numpy(bank[copies, places]).to(place))
            loss = reid_loss(embedding, logits, torch.from_numpy(drawn).to(place))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        schedule.step()
    return network.cpu(), people


def _networks(paths: Sequence[Path]) -> list[ReidNetwork]:
    return [cast(ReidNetwork, load_checkpoint(path, "reid").network()) for path in paths]


def _sequence(
    rows: list[NDArray[np.int64]], length: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Places of ``length`` windows in a row, of a session drawn at random."""
    row = rows[generator.integers(len(rows))]
    start = generator.integers(len(row) - length + 1)
    return row[start : start + length]


@torch.no_grad()
def _features(
    networks: Sequence[ReidNetwork],
    cover: Cover,
    windows: WindowSet,
    config: Config,
    purpose: tuple[int | str, ...],
    *,
    augmented: bool = False,
) -> NDArray[np.float32]:
    """What the networks make of each window, covered once, side by side: ``[N, F]``."""
    place = device(config.compute)
    generator = torch_generator(place, *purpose)
    torch.manual_seed(derive(*purpose))
    cover.to(place)
    for network in networks:
        network.to(place).eval()
    found = []
    for raw in raw_batches(windows, config, prepared if augmented else scaled):
        covered = cover(raw, generator)
        found.append(torch.cat([network.backbone(covered) for network in networks], dim=1).cpu())
    return torch.cat(found).numpy()


@torch.no_grad()
def _embedded(network: Temporal, sequences: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = network(torch.from_numpy(sequences))[0].numpy()
    return found
