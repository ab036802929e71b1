"""From points in an embedding to a finding.

Every window is looked for among those of the other conditions, whoever made them and whatever they
show. The published protocol (AnonyNoise, Sec. 5.1) leaves out of the gallery what shows the same
person doing the same: of a model that tells what somebody does and nothing else, all that is near a
window is then another person's, the more surely the better the attacker reads it, and who is known
by how he does it is never found. What it says stands in ``details``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import JsonValue

from training.audit.case import Case
from training.audit.findings import Finding
from training.audit.sessions import alone
from training.audit.sightings import Sightings, between
from training.audit.verification import pair_counts
from training.results import summary

_NONE: Mapping[str, JsonValue] = MappingProxyType({})


def identified(
    name: str, case: Case, sightings: Sightings, details: Mapping[str, JsonValue] = _NONE
) -> Finding:
    """The finding that people are found again as ``sightings`` have them.

    Raises :class:`TrainingError` where nobody is in two conditions.
    """
    scores, guess = alone(sightings)
    of = sightings.of
    published = sightings.ranked(case.config, case.seed)
    # Of people who all do the same, that protocol leaves nobody to be found.
    top1 = {"top1_published_protocol": summary(published)["top1"]} if published.hits_at else {}
    return Finding(
        attack=name,
        cover=case.kind,
        seed=case.seed,
        identity=scores,
        chance=guess,
        verification=pair_counts(of.subject, of.condition, between(sightings.embedding)),
        details={**top1, **details},
    )
