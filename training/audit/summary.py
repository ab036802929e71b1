"""From single findings to the lines of a report: seeds put together, with their intervals."""

from collections.abc import Sequence

import numpy as np

from training.audit import verification
from training.audit.attack import Attack as Listed
from training.audit.findings import Accuracy, Finding
from training.audit.report import (
    Attack,
    Attribute,
    Baseline,
    CurvePoint,
    Figure,
    Identity,
    Utility,
    Verification,
)
from training.audit.shares import average, figure, share, top1
from training.evaluate import ReidScores, TargetScores
from training.seeds import numpy_generator

#: Ranks that a CMC curve is drawn to.
RANKS = 20


def attack(listed: Listed, findings: Sequence[Finding]) -> Attack:
    """All seeds of one attack over one cover."""
    first = findings[0]
    scores = [one.identity for one in findings if one.identity is not None]
    guesses = [one.chance for one in findings if one.chance is not None]
    pairs = [one.verification for one in findings if one.verification is not None]
    pairs = [one for one in pairs if one.telling]
    return Attack(
        attack=first.attack,
        cover=first.cover,
        goal=listed.goal,
        threat=listed.threat,
        gated=listed.gated,
        seeds=tuple(one.seed for one in findings),
        identity=identity(scores, float(np.mean(guesses))) if scores else None,
        cmc=_cmc(scores) if scores else (),
        verification=_verification(pairs) if pairs else None,
        curve=_curve(findings),
        attributes=_attributes(findings),
        details=first.details,
        broken=any(one.broken for one in findings),
        notes=tuple(dict.fromkeys(one.note for one in findings if one.note)),
        duration_s=round(sum(one.duration_s for one in findings), 1),
    )


def identity(scores: Sequence[ReidScores], chance: float) -> Identity:
    """How well people are found again, all seeds together."""
    hits = np.concatenate([np.asarray(one.hits_at) for one in scores])
    precision = np.concatenate([np.asarray(one.average_precision) for one in scores])
    people = [person for one in scores for person in one.subject]
    return Identity(
        top1=top1(scores),
        top5=share(hits <= 5, people),
        top10=share(hits <= 10, people),
        map=average(precision, people),
        chance=round(chance, 2),
    )


def accuracy(scores: Sequence[TargetScores]) -> Figure:
    """How often the task was done right, all seeds together."""
    right = [value for one in scores for value in one.correct]
    return share(right, [person for one in scores for person in one.subject])


def utilities(found: Sequence[Accuracy], chance: float) -> tuple[Utility, ...]:
    """A line for each consumer."""
    groups: dict[tuple[str, str], list[TargetScores]] = {}
    for one in found:
        groups.setdefault((one.consumer, one.task), []).append(one.scores)
    return tuple(
        Utility(consumer=consumer, task=task, accuracy=accuracy(scores), chance=round(chance, 2))
        for (consumer, task), scores in groups.items()
    )


def baseline(name: str, std: float, task: TargetScores, reid: ReidScores) -> Baseline:
    """A point of the privacy-utility plane."""
    return Baseline(name=name, std=std, accuracy=accuracy([task]), top1=top1([reid]))


def _cmc(scores: Sequence[ReidScores]) -> tuple[float, ...]:
    hits = np.concatenate([np.asarray(one.hits_at) for one in scores])
    return tuple(round(100 * float((hits <= k).mean()), 2) for k in range(1, RANKS + 1))


def _verification(pairs: Sequence[verification.PairCounts]) -> Verification:
    found = verification.intervals(pairs, numpy_generator("audit", "verification"))
    return Verification(**{name: figure(interval, len(pairs)) for name, interval in found.items()})


def _curve(findings: Sequence[Finding]) -> tuple[CurvePoint, ...]:
    counts = sorted({point.count for one in findings for point in one.curve})
    points = []
    for count in counts:
        of = [point for one in findings for point in one.curve if point.count == count]
        guess = float(np.mean([point.chance for point in of]))
        found = top1([point.identity for point in of])
        points.append(CurvePoint(count=count, top1=found, chance=round(guess, 2)))
    return tuple(points)


def _attributes(findings: Sequence[Finding]) -> tuple[Attribute, ...]:
    names = dict.fromkeys(one.name for finding in findings for one in finding.attributes)
    told = []
    for name in names:
        of = [one for finding in findings for one in finding.attributes if one.name == name]
        right = [value for one in of for value in one.correct]
        people = [person for one in of for person in one.subject]
        chance = round(float(np.mean([one.chance for one in of])), 2)
        told.append(Attribute(name=name, right=share(right, people), chance=chance))
    return tuple(told)
