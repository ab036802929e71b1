"""Attributes: what windows tell of a person besides who it is.

The adversary does not ask who it is, but in what light he stands and, where the data says so, what
he is like: handedness, size, hair, skin. He has covered windows of other people whose properties
he knows, and learns from them twice: a linear map of what his retrained network sees, and that
network trained on, end to end, for all properties at once. Success: a property of people he never
saw is told more often than by saying the commonest value. A model that hides who somebody is may
well show which hand he waves with; where the task needs it, it must. So this is reported and does
not decide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue
from torch import Tensor
from torch.nn import functional

from models.networks.reid import ReidNetwork
from models.networks.target import TargetNetwork
from training.audit.case import Case, sample
from training.audit.findings import Attribute, Finding
from training.audit.own_network import own_network
from training.batches import Batch
from training.checkpoint import Checkpoint, load_checkpoint
from training.datasets.window_set import Dataset, WindowSet
from training.evaluate import outputs
from training.seeds import derive, numpy_generator
from training.stages.fit import fit
from training.stages.recogniser import Recogniser

NAME = "attributes"

#: The one property that every data set carries.
_CONDITION = "condition"
#: Of the linear map, against the mean square of the features.
_RIDGE = 1e-2


@dataclass(frozen=True)
class Property:
    """Something that can be said of a window besides who is in it."""

    name: str
    values: tuple[str, ...]
    #: Places in ``values`` of every window of the split, int64.
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def attack(case: Case) -> Finding:
    """The better of the two ways at every property."""
    known = properties(case.dataset)
    if case.kind == "shuffled":
        # People were dealt out anew, the light was not.
        known = tuple(one for one in known if one.name != _CONDITION)
    if not known:
        return Finding(
            attack=NAME,
            cover=case.kind,
            seed=case.seed,
            note="The data says nothing of people but who they are.",
        )
    attacker = case.attacker("residual-warm", case.raw_attacker())
    prior = [np.bincount(one.train, minlength=len(one.values)) for one in known]
    ways = {"linear": _linear(case, attacker, known), "network": _network(case, attacker, known)}
    found = []
    details: dict[str, JsonValue] = {}
    for place, one in enumerate(known):
        scores = {way: logits[place] for way, logits in ways.items()}
        balanced = {way: _balanced(logits.argmax(1), one) for way, logits in scores.items()}
        best = max(balanced, key=lambda way: balanced[way])
        # Logits of balanced training: who wants to be right most often adds how common values are.
        common = np.log((prior[place] + 1) / (prior[place] + 1).sum())
        correct = (scores[best] + common).argmax(1) == one.test
        commonest = np.bincount(one.test).max() / len(one.test)
        found.append(
            Attribute(
                name=one.name,
                correct=tuple(correct.tolist()),
                subject=tuple(case.dataset.test.subject.tolist()),
                chance=100 * max(float(commonest), 1 / len(one.values)),
            )
        )
        details |= {
            f"balanced_{one.name}": round(balanced[best], 2),
            f"balanced_chance_{one.name}": round(100 / len(np.unique(one.test)), 2),
            f"way_{one.name}": best,
        }
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        attributes=tuple(found),
        details=details,
    )


def properties(dataset: Dataset) -> tuple[Property, ...]:
    """What can be learned from the training people and differs among those to be found."""
    train, test = dataset.train, dataset.test
    found = [_property(_CONDITION, dataset.conditions, train.condition, test.condition)]
    for name, of in dataset.attributes.items():
        values, place = np.unique(np.array(of), return_inverse=True)
        known = tuple(values.tolist())
        found.append(_property(name, known, place[train.subject], place[test.subject]))
    return tuple(one for one in found if one is not None)


def _property(
    name: str, values: tuple[str, ...], train: NDArray[np.int64], test: NDArray[np.int64]
) -> Property | None:
    shown = np.unique(test)
    if len(shown) < 2 or not np.isin(shown, train).all():
        return None
    return Property(name, values, train, test)


def _balanced(guess: NDArray[np.int64], one: Property) -> float:
    """Mean over the values shown of the percentage of their windows that was right."""
    shares = [(guess[one.test == value] == value).mean() for value in np.unique(one.test)]
    return 100 * float(np.mean(shares))


def _linear(case: Case, attacker: Path, known: Sequence[Property]) -> list[NDArray[np.float64]]:
    """Scores ``[N, values]`` of each property: ridge regression on the attacker's embedding."""
    train = case.dataset.train
    # The places travel with the windows, in the column that the cover does not look at.
    numbered = replace(train, label=np.arange(len(train)))
    some = sample(numbered, case.effort.windows, numpy_generator(case.seed, NAME))
    network = cast(ReidNetwork, load_checkpoint(attacker, "reid").network())
    seen, asked = (
        outputs("reid", network, case.cover, windows, case.config, derive(case.seed, NAME, split))
        .double()
        .numpy()
        for split, windows in (("train", some), ("test", case.dataset.test))
    )
    mean, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-9
    x, asked = ((points - mean) / spread for points in (seen, asked))
    found = []
    for one in known:
        value = one.train[some.label]
        count = np.bincount(value, minlength=len(one.values))
        weight = (1 / np.maximum(count, 1))[value]
        weight /= weight.sum()
        wanted = np.eye(len(one.values))[value]
        middle = weight @ x
        inputs, outcome = x - middle, wanted - weight @ wanted
        square = (inputs * weight[:, None]).T @ inputs
        square += _RIDGE * np.eye(len(square))
        slope = np.linalg.solve(square, (inputs * weight[:, None]).T @ outcome)
        # Shares near 0 and 1: as steep as logits between which a prior can decide.
        found.append(2 * len(one.values) * ((asked - middle) @ slope))
    return found


def _network(case: Case, attacker: Path, known: Sequence[Property]) -> list[NDArray[np.float64]]:
    """Logits ``[N, values]`` of each property, of a network that was trained for all of them."""
    widths = [len(one.values) for one in known]
    path = _trained(case, attacker, known, widths)
    network = load_checkpoint(path, "target").network()
    logits = outputs("target", network, case.cover, case.dataset.test, case.config, case.seed)
    return [part.double().numpy() for part in torch.split(logits, widths, dim=1)]


def _trained(case: Case, attacker: Path, known: Sequence[Property], widths: Sequence[int]) -> Path:
    part, config = case.fit(), case.config
    settings = {
        "batch": config.batch.model_dump(mode="json"),
        "arch": config.networks.arch,
        "properties": {one.name: list(one.values) for one in known},
        "values": {one.name: [int(n) for n in np.bincount(one.train)] for one in known},
    }

    def trained(folder: Path, seed: int) -> Checkpoint:
        start = cast(ReidNetwork, load_checkpoint(attacker, "reid").network())
        network = TargetNetwork(
            config.networks.arch,
            config.representation.channels,
            sum(widths),
            tiles=start.tiles is not None,
        )
        network.backbone.load_state_dict(start.backbone.state_dict())
        fit(
            Recogniser(network, attribute_cost(known), case.cover, config, part, seed),
            _coded(case.dataset.train, known),
            folder,
            config=config,
            epochs=part.epochs,
            balanced=False,
            seed=seed,
        )
        return Checkpoint(
            kind="target",
            config=network.config,
            state=network.state_dict(),
            representation=config.representation,
            labels=tuple(f"{one.name}={value}" for one in known for value in one.values),
        )

    return own_network(case, NAME, "target", part, settings, trained)


def _coded(train: WindowSet, known: Sequence[Property]) -> WindowSet:
    """With all properties in the label: the digits of a number, the first the lowest."""
    code, step = np.zeros(len(train), np.int64), 1
    for one in known:
        code += step * one.train
        step *= len(one.values)
    return replace(train, label=code)


def attribute_cost(known: Sequence[Property]) -> Callable[[Tensor, Batch], Tensor]:
    """The mean of the properties' cross-entropies, rare values weighing as much as common ones."""
    weights = []
    for one in known:
        count = np.bincount(one.train, minlength=len(one.values))
        weight = len(one.train) / np.maximum(count, 1) / np.count_nonzero(count)
        weights.append(torch.from_numpy(np.where(count > 0, weight, 0)).float())

    def cost(logits: Tensor, batch: Batch) -> Tensor:
        code, losses = batch.label, []
        for part, weight in zip(
            torch.split(logits.float(), [len(weight) for weight in weights], dim=1),
            weights,
            strict=True,
        ):
            value = code % len(weight)
            code = code // len(weight)
            losses.append(functional.cross_entropy(part, value, weight.to(part.device)))
        return torch.stack(losses).mean()

    return cost
