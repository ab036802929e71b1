"""Consecutive: many windows of one person, each covered once.

The adversary knows which published windows belong together, because a person stays before the
camera while they pass, and has retrained on covered windows of other people. Over K consecutive
windows he averages the tensors and looks at the mean, or looks at every window and averages the
embeddings; the better of the two counts, as if he knew which it is. Then he links such a group
(query) with groups of other sessions, in another light. Success: the same person ranks first more
often than by chance. This one can really be carried out against the service.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue
from torch import Tensor, nn

from models.networks.reid import ReidNetwork
from training.audit.case import Case, chosen
from training.audit.findings import Finding, Point
from training.audit.sessions import groups, in_order, linked, reachable, verified
from training.audit.sightings import between
from training.audit.ways import best_way
from training.checkpoint import load_checkpoint
from training.config import Config
from training.datasets.window_set import WindowSet
from training.device import device
from training.evaluate import at_once, raw_batches
from training.seeds import torch_generator
from training.stages.cover import Cover

NAME = "consecutive"

#: How windows are put together, and where that puts the groups ``[G, E]`` of each size.
Points = dict[str, dict[int, NDArray[np.float32]]]
_WAYS = ("embeddings", "tensors")
#: Of a longer session, the first so many windows: all of them are in memory at a time.
_MOST_WINDOWS = 512


def attack(case: Case) -> Finding:
    """A curve over the numbers of windows of the suite that every session has."""
    test = _shortened(case.linked)
    counts = reachable(case.effort.draws, test)
    path = case.attacker("residual-warm", case.raw_attacker())
    network = cast(ReidNetwork, load_checkpoint(path, "reid").network())
    seen = put_together(network, case.cover, test, counts, case.config, case.seed)
    curve: list[Point] = []
    details: dict[str, JsonValue] = {}
    for count in counts:
        places = groups(test, count)
        ways = {way: linked(test, places, seen[way][count]) for way in _WAYS}
        best, point, told = best_way(count, ways)
        curve.append(point)
        details |= told
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        curve=tuple(curve),
        verification=verified(test, places, between(seen[best][count])),
        details=details,
    )


def _shortened(windows: WindowSet) -> WindowSet:
    kept = np.sort(np.concatenate([places[:_MOST_WINDOWS] for places in in_order(windows)]))
    return chosen(windows, kept) if len(kept) < len(windows.subject) else windows


@torch.no_grad()
def put_together(
    network: nn.Module,
    cover: Cover,
    windows: WindowSet,
    counts: Sequence[int],
    config: Config,
    seed: int,
) -> Points:
    """The points of the :func:`groups` of each size in ``counts``; windows are covered once."""
    place = device(config.compute)
    network.to(place).eval()
    cover.to(place)
    generator = torch_generator(place, seed, "noise")
    size = at_once(config)
    stays = in_order(windows)
    all_groups = {count: groups(windows, count) for count in counts}
    # Room for the longest stay: to be given memory for every one takes longer than to fill it.
    room = torch.empty((max(map(len, stays)), *windows.windows.shape[1:]), device=place)
    found: list[NDArray[np.float32]] = []
    means: dict[int, list[NDArray[np.float32]]] = {count: [] for count in counts}
    for stay in stays:
        covered = room[: len(stay)]
        parts = torch.split(covered, size)
        for part, raw in zip(parts, raw_batches(chosen(windows, stay), config), strict=True):
            part.copy_(cover(raw, generator))
        found.append(_embedded(network, parts))
        for count, places in all_groups.items():
            if count == 1:
                # The mean of one window is that window.
                means[count].append(found[-1])
                continue
            # Groups come stay by stay, too, and each is a run of its own.
            begins = np.flatnonzero(np.isin(stay, places[:, 0]))
            if len(begins):
                means[count].append(_embedded(network, _means(covered, begins, count, size)))
    seen = np.zeros((len(windows), found[0].shape[1]), np.float32)
    seen[np.concatenate(stays)] = np.concatenate(found)
    return {
        "embeddings": {count: seen[places].mean(axis=1) for count, places in all_groups.items()},
        "tensors": {count: np.concatenate(points) for count, points in means.items()},
    }


def _means(covered: Tensor, begins: NDArray[np.int64], count: int, size: int) -> Iterator[Tensor]:
    """Of the ``count`` windows from each of ``begins`` on, ``size`` means at a time."""
    for some in np.split(begins, range(size, len(begins), size)):
        yield torch.stack([covered[begin : begin + count].mean(dim=0) for begin in some])


def _embedded(network: nn.Module, parts: Iterable[Tensor]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = torch.cat([network(part)[0] for part in parts]).cpu().numpy()
    return found
