"""From points in an embedding to a finding."""

from typing import Any

from training.audit.case import Case
from training.audit.findings import Finding
from training.audit.sightings import Sightings
from training.audit.verification import pair_counts


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
