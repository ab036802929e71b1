"""Averaging: what an attacker would gain if a window were ever covered twice.

The adversary has K covered copies of one and the same window, each with noise of its own (a
service that anonymizes again on every request, overlapping windows, a recording played twice),
and puts them together: as the mean of the tensors, seen by an attacker who retrained on covered
windows and by one who retrained on such means, or as the mean of the embeddings. The noise falls
with the root of K, and what is left is a function of the raw window. Success: the same person
ranks first more often than with one copy. The service covers each window once and refuses windows
that overlap, so this cannot be carried out against it, and the verdict does not depend on it.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import JsonValue
from torch import Tensor

from models.networks.embedding import EMBEDDING
from models.networks.reid import ReidNetwork
from training.audit.case import Case, sample
from training.audit.findings import Finding, Point
from training.audit.sessions import alone
from training.audit.sightings import Sightings, without_pictures
from training.audit.ways import best_way
from training.checkpoint import load_checkpoint
from training.config import Config
from training.datasets.window_set import WindowSet
from training.device import device
from training.evaluate import raw_batches
from training.seeds import numpy_generator, torch_generator
from training.stages.cover import Cover

NAME = "averaging"

#: Windows looked at, in units of the suite's sample: the mean of K copies costs K windows.
_SAMPLES = 2


class Averaged(Cover):
    """The mean of several covered copies of a window; how many, each batch draws anew.

    One of ``draws``, by chances that fall with its root: so the largest are learned, too, and
    an epoch costs less than with all of them alike.
    """

    def __init__(self, cover: Cover, draws: Sequence[int]) -> None:
        super().__init__()
        self.cover = cover
        self.draws = torch.tensor(draws)
        self.name = f"{cover.name}-averaged"
        self.settings = {**cover.settings, "draws": list(draws)}

    @torch.no_grad()
    def forward(self, windows: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """The mean of that many times what ``cover`` makes of ``windows``."""
        # Not by ``generator``, which may be on a device.
        drawn = torch.multinomial(self.draws**-0.5, 1)
        count = int(self.draws[drawn])
        total: Tensor = self.cover(windows, generator)
        for _ in range(count - 1):
            total = total + self.cover(windows, generator)
        return total / count


def attack(case: Case) -> Finding:
    """The better way at each K, and what each of them found."""
    start = case.raw_attacker()
    retrained = case.attacker("residual-warm", start)
    averaged = case.attacker(
        "averaged",
        retrained,
        cover=Averaged(case.cover, case.effort.draws),
        epochs=max(1, case.effort.epochs // 2),
    )
    generator = numpy_generator(case.seed, NAME)
    windows = sample(case.dataset.test, _SAMPLES * case.effort.sample, generator)
    networks = {
        name: cast(ReidNetwork, load_checkpoint(path, "reid").network())
        for name, path in (("tensors", retrained), ("tensors_retrained", averaged))
    }
    found = put_together(networks, case.cover, windows, case.effort.draws, case.config, case.seed)
    of = without_pictures(windows)
    curve: list[Point] = []
    details: dict[str, JsonValue] = {}
    for count, ways in found.items():
        scores = {way: alone(Sightings(points, of)) for way, points in ways.items()}
        _, point, told = best_way(count, scores)
        curve.append(point)
        details |= told
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        curve=tuple(curve),
        details=details,
        note="Of no account for the verdict: no window is ever covered twice.",
    )


@torch.no_grad()
def put_together(
    networks: Mapping[str, ReidNetwork],
    cover: Cover,
    windows: WindowSet,
    draws: Sequence[int],
    config: Config,
    seed: int,
) -> dict[int, dict[str, NDArray[np.float32]]]:
    """Points ``[N, E]`` of every window by number of copies and way.

    Only the running sum of a batch's copies is kept, never the copies.
    """
    place = device(config.compute)
    for network in networks.values():
        network.to(place).eval()
    cover.to(place)
    generator = torch_generator(place, seed, "noise")
    found: dict[int, dict[str, list[Tensor]]] = {
        count: {way: [] for way in (*networks, "embeddings")} for count in sorted(draws)
    }
    for raw in raw_batches(windows, config):
        total = torch.zeros_like(raw)
        points = torch.zeros(len(raw), EMBEDDING, device=place)
        for copy in range(1, max(draws) + 1):
            covered = cover(raw, generator)
            total += covered
            points += networks["tensors"](covered)[0]
            if copy in found:
                for way, network in networks.items():
                    found[copy][way].append(network(total / copy)[0].cpu())
                found[copy]["embeddings"].append((points / copy).cpu())
    return {
        count: {way: torch.cat(batches).numpy() for way, batches in ways.items()}
        for count, ways in found.items()
    }
