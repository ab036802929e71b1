"""What a trained recogniser finds out about people it never saw."""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional

from training.config import Config
from training.datasets.gallery import allowed, queries
from training.datasets.window_set import Dataset, WindowSet
from training.device import device
from training.errors import TrainingError
from training.retrieval import DistanceOf, cmc_and_map
from training.seeds import derive, numpy_generator, torch_generator
from training.stages.cover import Cover
from training.stages.recogniser import scaled

#: Random rankings that chance is averaged over.
_CHANCE_DRAWS = 20
#: Windows of a batch on a CPU: of more, what lies between layers is neither in a cache nor in
#: memory that was used before. With 128 recognisers take a sixth longer, denoisers twice as long.
_CPU_BATCH = 16


class _Scores(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    #: Who is in each window or query, an index into the data set's subjects.
    subject: tuple[int, ...]


class TargetScores(_Scores):
    """Of each test window, whether its gesture or emotion was recognised."""

    kind: Literal["target"] = "target"
    correct: tuple[bool, ...]


class ReidScores(_Scores):
    """Of each query, where in the ranked gallery the same person first is, and its precision."""

    kind: Literal["reid"] = "reid"
    #: Rank of the first true match, 1 for the best.
    hits_at: tuple[int, ...]
    average_precision: tuple[float, ...]
    #: Queries whose person is nowhere in their gallery; they take no part.
    dropped: int = 0


Scores = TargetScores | ReidScores


def evaluate(
    kind: Literal["target", "reid"],
    network: nn.Module,
    cover: Cover,
    windows: WindowSet,
    config: Config,
    seed: int,
) -> Scores:
    """The scores of ``network`` on ``windows``, each covered once with noise from ``seed``."""
    output = outputs(kind, network, cover, windows, config, seed)
    if kind == "target":
        correct = output.argmax(1).numpy() == windows.label
        return TargetScores(
            subject=tuple(windows.subject.tolist()), correct=tuple(correct.tolist())
        )
    embedding = output.double()
    if config.evaluation.distance == "cosine":
        # On the unit sphere the Euclidean order is that of the angle.
        embedding = functional.normalize(embedding)
    return ranked(
        windows, config, seed, lambda chosen: torch.cdist(embedding[chosen], embedding).numpy()
    )


def check_people(dataset: Dataset) -> None:
    """Raise :class:`TrainingError` where there is nobody to mistake a person for."""
    if len(np.unique(dataset.test.subject)) < 2:
        raise TrainingError(
            "has one person, two are needed", source=dataset.name, field="test split"
        )


def chance(windows: WindowSet, config: Config, seed: int) -> dict[str, float]:
    """Percentages of who guesses: the commonest label, and gallery orders drawn at random."""
    generator = numpy_generator(seed, "chance")
    found = [
        ranked(
            windows,
            config,
            derive(seed, "chance", draw),
            lambda chosen: generator.random((len(chosen), len(windows.label))),
        )
        for draw in range(_CHANCE_DRAWS)
    ]
    hits = np.concatenate([np.asarray(scores.hits_at) for scores in found])
    precision = np.concatenate([np.asarray(scores.average_precision) for scores in found])
    levels = {f"top{k}": 100 * float((hits <= k).mean()) for k in (1, 5, 10)}
    levels["map"] = 100 * float(precision.mean())
    common = commonest(windows)
    if common is not None:
        levels["target_acc"] = common
    return levels


def commonest(windows: WindowSet) -> float | None:
    """Percent of ``windows`` that show the commonest label; None where some have no label."""
    if (windows.label < 0).any():
        return None
    return 100 * float(np.bincount(windows.label).max() / len(windows.label))


def ranked(
    windows: WindowSet,
    config: Config,
    seed: int,
    distance: DistanceOf,
) -> ReidScores:
    """Ranks the gallery of several draws of queries by ``distance(windows)``, ``[q, N]``."""
    rule = config.dataset.rule
    hits: list[int] = []
    precision: list[float] = []
    subject: list[int] = []
    dropped = 0
    for draw in range(config.evaluation.draws):
        chosen = queries(windows, rule, numpy_generator(seed, "queries", draw))
        gallery = allowed(windows, chosen, rule)
        ranking = cmc_and_map(distance, chosen, windows.subject[chosen], windows.subject, gallery)
        hits += ranking.hits_at.tolist()
        precision += ranking.average_precision.tolist()
        subject += windows.subject[chosen[ranking.query]].tolist()
        dropped += ranking.dropped
    return ReidScores(
        subject=tuple(subject),
        hits_at=tuple(hits),
        average_precision=tuple(precision),
        dropped=dropped,
    )


@torch.no_grad()
def outputs(
    kind: str, network: nn.Module, cover: Cover, windows: WindowSet, config: Config, seed: int
) -> Tensor:
    """Logits or embeddings of all ``windows``, float32 on the CPU."""
    place = device(config.compute)
    generator = torch_generator(place, seed, "noise")
    training = network.training
    network.to(place).eval()
    cover.to(place)
    found = []
    for raw in raw_batches(windows, config):
        output = network(cover(raw, generator))
        found.append((output if kind == "target" else output[0]).float().cpu())
    network.train(training)
    return torch.cat(found)


def at_once(config: Config) -> int:
    """Of how many windows networks are evaluated at a time, where ``config`` lets them run."""
    most = config.evaluation.batch_size
    return min(most, _CPU_BATCH) if device(config.compute).type == "cpu" else most


def raw_batches(
    windows: WindowSet,
    config: Config,
    prepare: Callable[[Tensor, Config], Tensor] = scaled,
    *,
    size: int | None = None,
) -> Iterator[Tensor]:
    """Raw ``windows`` in batches ``[n, 2T, H, W]`` as ``prepare`` makes them of uint8 counts.

    They are where networks are evaluated. ``size``: windows of a batch, by default those
    :func:`at_once`.
    """
    place = device(config.compute)
    size = at_once(config) if size is None else size
    for start in range(0, len(windows.label), size):
        stop = start + size
        # A copy: memory-mapped windows cannot be written to, and torch warns of that.
        counts = torch.from_numpy(np.array(windows.windows[start:stop]))
        yield prepare(counts.to(place), config)
