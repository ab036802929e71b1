"""Whether attacks find what is plain to see, and nothing where there is nothing to find: pure.

Where hardly anything is hidden an attack on people must find more of them than the policy allows in
covered windows: one that cannot, and data that gives people away no more than that, would let every
model pass. What people are like must be told better than by guessing. Of people who were shuffled,
no attack may tell anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.audit.attack import Attack
from training.audit.findings import Cover, Finding
from training.audit.policy import Policy
from training.audit.report import Control
from training.audit.shares import share
from training.evaluate import ReidScores

#: Chance that any of all controls is said to have found something of people who were shuffled.
FALSE_ALARM = 0.01


@dataclass(frozen=True)
class _Told:
    """What was told of people, with one seed or several."""

    #: None: who they are.
    attribute: str | None
    right: list[bool]
    people: list[int]
    #: Percent, by guessing.
    chance: float


def controls(
    listed: Sequence[Attack], findings: Sequence[Finding], policy: Policy
) -> tuple[Control, ...]:
    """A line for every control that was carried out, or for each property that it is about."""
    told = [
        (attack.name, cover, one)
        for attack in listed
        for cover in attack.controls
        for one in _told([of for of in findings if (of.attack, of.cover) == (attack.name, cover)])
    ]
    negatives = sum(cover == "shuffled" for _, cover, _ in told)
    return tuple(_control(name, cover, one, policy, negatives) for name, cover, one in told)


def _control(attack: str, cover: Cover, told: _Told, policy: Policy, negatives: int) -> Control:
    assert cover != "model"
    found = share(told.right, told.people)
    if cover == "shuffled":
        # Not above guessing at a level that all of them share, or every tenth audit would come to
        # nothing.
        level = share(told.right, told.people, confidence=1 - 2 * FALSE_ALARM / negatives)
        held = level.low <= told.chance
    else:
        # Surely above what it must.
        held = found.low > (policy.limit(told.chance) if told.attribute is None else told.chance)
    return Control(
        attack=attack,
        cover=cover,
        attribute=told.attribute,
        expected="chance" if cover == "shuffled" else "found",
        top1=found,
        chance=told.chance,
        held=held,
    )


def _told(findings: Sequence[Finding]) -> Iterator[_Told]:
    names = dict.fromkeys(one.name for finding in findings for one in finding.attributes)
    for name in names:
        of = [one for finding in findings for one in finding.attributes if one.name == name]
        yield _Told(
            attribute=name,
            right=[right for one in of for right in one.correct],
            people=[person for one in of for person in one.subject],
            chance=float(np.mean([one.chance for one in of])),
        )
    most = [one for one in map(_most, findings) if one is not None]
    if most:
        yield _Told(
            attribute=None,
            right=[hit <= 1 for scores, _ in most for hit in scores.hits_at],
            people=[person for scores, _ in most for person in scores.subject],
            chance=float(np.mean([guess for _, guess in most])),
        )


def _most(finding: Finding) -> tuple[ReidScores, float] | None:
    """Where windows are put together, the most of them are the attack."""
    if finding.identity is not None and finding.chance is not None:
        return finding.identity, finding.chance
    if finding.curve:
        return finding.curve[-1].identity, finding.curve[-1].chance
    return None
