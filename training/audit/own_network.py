"""A network that one attack trains for itself, beside the attackers that many share."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch

from training.audit.case import Case
from training.checkpoint import Checkpoint
from training.config import FitPart
from training.seeds import derive
from training.stages.fit import forget
from training.stages.folder import Done, StageFolder


def own_network(
    case: Case,
    name: str,
    kind: Literal["target", "reid"],
    part: FitPart,
    settings: dict[str, Any],
    train: Callable[[Path, int], Checkpoint],
) -> Path:
    """The checkpoint of the network ``name`` of ``case``; trained now if there is none yet.

    ``train`` is given a folder for its state, which a later call goes on from, and a seed, by
    which torch is seeded. It depends on ``settings``, beside the case and ``part``. Raises
    :class:`TrainingError` where the network was begun with others.
    """
    folder = StageFolder(case.run.folder / case.name / name)
    path = folder.network(kind)
    depends = {
        "seed": case.seed,
        "data": case.run.content,
        "cover": case.cover.settings,
        "fit": part.model_dump(mode="json"),
        **settings,
    }
    if folder.open(depends) is None:
        start_s = time.monotonic()
        seed = derive(case.seed, case.name, name)
        torch.manual_seed(seed)
        train(folder.path, seed).save(path)
        folder.close(Done(duration_s=time.monotonic() - start_s))
        forget(folder.path)
    return path
