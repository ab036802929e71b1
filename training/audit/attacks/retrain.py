"""Retrain: the attacker learns from windows as they are published.

The adversary owns the box, too: he runs the same model over labelled recordings of *other*
people as often as he likes, with noise of his own, and trains a re-identification network on
what comes out. Then he links the published windows of people he never saw before (query) with
others of theirs (gallery). He starts from what he knows of raw windows (``warm``; AnonyNoise,
Sec. 4.4) or from nothing (``scratch``) and for as long as on raw windows, with a residual network
or with a patch mixer, whose mistakes differ. Who begins from nothing learns by cross-entropy alone:
where noise is all that a network sees at first, the triplet loss of the farthest and the nearest
keeps it from ever seeing more. Success: the same person ranks first more often than by chance.
"""

from collections.abc import Callable

from models.networks.resnet import Arch
from training.audit.case import Case
from training.audit.findings import Finding
from training.audit.identify import identified

#: What the attackers are called in reports.
ARCHITECTURES: dict[str, Arch] = {"residual": "small", "mixer": "mixer"}


def attacker_of(architecture: str, *, warm: bool) -> Callable[[Case], Finding]:
    """The attack with an architecture of :data:`ARCHITECTURES`."""
    beginning = "warm" if warm else "scratch"
    name = f"retrain-{architecture}-{beginning}"

    def attack(case: Case) -> Finding:
        case = case.with_arch(ARCHITECTURES[architecture])
        start = case.raw_attacker() if warm else None
        attacker = case.attacker(f"{architecture}-{beginning}", start)
        return identified(name, case, case.sightings(attacker))

    attack.__name__ = name
    return attack
