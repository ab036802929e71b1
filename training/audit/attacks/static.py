"""Static: the attacker knows raw windows only.

The adversary has labelled *raw* recordings of other people and no published window to learn
from; a network trained on those is pointed at what the service publishes. Known to be weak
(AnonyNoise, Sec. 5.4, "static attacker"): it says how unlike raw windows the published ones are,
not how private they are, and stands here as a reference. Success: people are found again above
chance.
"""

from training.audit.case import Case
from training.audit.findings import Finding
from training.audit.identify import identified

NAME = "static"


def attack(case: Case) -> Finding:
    """The raw attacker on covered windows."""
    return identified(NAME, case, case.sightings(case.raw_attacker()))
