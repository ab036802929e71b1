"""From points in an embedding to a finding."""

from typing import Any

from pydantic import JsonValue
from torch import Tensor, nn

from training.audit.case import Case
from training.audit.findings import Finding
from training.audit.points import points
from training.audit.sightings import Sightings, without_pictures
from training.audit.verification import pair_counts
from training.datasets.window_set import WindowSet
from training.evaluate import chance


def identified(name: str, case: Case, sightings: Sightings, **more: Any) -> Finding:
    """The finding that people are found again as ``sightings`` have them."""
    return Finding(
        attack=name,
        cover=case.kind,
        seed=case.seed,
        identity=sightings.ranked(case.config, case.seed),
        verification=pair_counts(sightings, case.config.dataset.rule),
        **more,
    )


def identified_in(
    name: str,
    case: Case,
    network: nn.Module,
    pictures: Tensor,
    windows: WindowSet,
    details: dict[str, JsonValue],
) -> Finding:
    """The finding that ``network`` knows people by ``pictures``, one of each of ``windows``.

    These are a sample of the case's: how many, and what a guess gets among them, is said, too.
    """
    return identified(
        name,
        case,
        Sightings(points(network, pictures, case.config), without_pictures(windows)),
        chance=chance(windows, case.config, case.seed)["top1"],
        details={"windows": len(windows), **details},
    )
