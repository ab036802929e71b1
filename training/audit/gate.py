"""From what the attacks found to a verdict: pure, and on the side of the people in the picture.

A model passes only if every gated attack came to an end and the *upper* bound of each one's
top-1, over people and seeds, is within the policy's limit. It leaks if an attack's mean is above
the limit and its lower bound, at a level that is shared by all attacks, above guessing. Between
the two there were too few people to tell, which is no pass.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.audit import Verdict, Worst
from training.audit.findings import Finding, Skipped
from training.audit.policy import Policy
from training.audit.report import Control, Figure
from training.bootstrap import Interval, clustered_interval
from training.evaluate import ReidScores
from training.seeds import numpy_generator

#: Chance that any of all attacks together is called a leak of a model that tells nothing.
FALSE_ALARM = 0.01


@dataclass(frozen=True)
class Measured:
    """One attack's top-1 over the model, at one number of windows put together; percent."""

    attack: str
    top1: Interval
    #: The lower bound that holds for all attacks together.
    sure: float
    chance: float
    limit: float

    @property
    def over(self) -> bool:
        """Whether the upper bound is above the limit."""
        return round(self.top1.high, 2) > self.limit

    @property
    def leaks(self) -> bool:
        """Whether it is too much and no accident."""
        return self.top1.mean > self.limit and self.sure > self.chance

    @property
    def worst(self) -> Worst:
        """In the words of the signed statement."""
        return Worst(
            attack=self.attack,
            metric="top1",
            value=round(self.top1.mean, 2),
            low=round(self.top1.low, 2),
            high=round(self.top1.high, 2),
            chance=round(self.chance, 2),
            limit=self.limit,
        )


@dataclass(frozen=True)
class Judgement:
    """The verdict, why, and the attack that came nearest to a person."""

    verdict: Verdict
    reason: str
    worst: Worst | None


def top1(scores: Sequence[ReidScores], *, confidence: float = 0.95) -> Interval:
    """Percent of queries answered right, all seeds together; one person is one cluster."""
    hits = np.concatenate([np.asarray(one.hits_at) for one in scores])
    people = np.concatenate([np.asarray(one.subject) for one in scores])
    generator = numpy_generator("audit", "top1")
    return clustered_interval(100.0 * (hits <= 1), people, generator, confidence=confidence)


def measured(findings: Iterable[Finding], policy: Policy, chance: float) -> tuple[Measured, ...]:
    """What gated attacks found over the model, its findings of all seeds put together."""
    groups: dict[str, list[tuple[ReidScores, float]]] = {}
    for finding in findings:
        if finding.identity is not None:
            guess = chance if finding.chance is None else finding.chance
            groups.setdefault(finding.attack, []).append((finding.identity, guess))
        for point in finding.curve:
            name = f"{finding.attack}-{point.count}"
            groups.setdefault(name, []).append((point.identity, point.chance))
    confidence = 1 - 2 * FALSE_ALARM / max(1, len(groups))
    found = []
    for name, several in groups.items():
        scores = [scores for scores, _ in several]
        guess = float(np.mean([guess for _, guess in several]))
        found.append(
            Measured(
                attack=name,
                top1=top1(scores),
                sure=top1(scores, confidence=confidence).low,
                chance=guess,
                limit=policy.limit(guess),
            )
        )
    return tuple(found)


def judge(
    findings: Sequence[Finding],
    gated: Sequence[str],
    controls: Sequence[Control],
    skipped: Sequence[Skipped],
    policy: Policy,
    chance: float,
) -> Judgement:
    """The verdict on a model.

    ``findings`` over the model, of all seeds; ``gated`` names the attacks that the verdict
    depends on; ``skipped`` those that were not carried out.
    """
    deciding = [finding for finding in findings if finding.attack in gated]
    broken = [finding for finding in deciding if finding.broken]
    results = measured(deciding, policy, chance)
    worst = max(results, key=lambda one: one.top1.high / one.limit, default=None)
    said = worst.worst if worst else None

    def verdict(verdict: Verdict, reason: str) -> Judgement:
        return Judgement(verdict, reason, said)

    if broken:
        return verdict("leak", broken[0].note or f"{broken[0].attack} broke it")
    failed = [control for control in controls if not control.held]
    for control in failed:
        if control.expected == "chance":
            return verdict("undecided", f"{control.attack} found people who were shuffled")
    leaks = [one for one in results if one.leaks]
    if leaks:
        first = max(leaks, key=lambda one: one.top1.high / one.limit)
        return Judgement("leak", _told(first), first.worst)
    if failed:
        return verdict("undecided", f"{failed[0].attack} found nobody on {failed[0].cover} windows")
    missing = [one for one in skipped if one.cover == "model" and one.attack in gated]
    if missing:
        return verdict("undecided", f"{missing[0].attack} was not carried out: {missing[0].reason}")
    if worst is None:
        return verdict("undecided", "no attack came to an end")
    if worst.over:
        return verdict("undecided", f"too few people to tell: {_told(worst)}")
    return verdict("pass", f"no attack's upper bound is above its limit; {_told(worst)}")


def _told(one: Measured) -> str:
    return (
        f"{one.attack} finds {one.top1.mean:.1f} % [{one.top1.low:.1f}, {one.top1.high:.1f}], "
        f"guessing {one.chance:.1f}, limit {one.limit:.1f}"
    )


def control(attack: str, findings: Sequence[Finding], chance: float) -> Control:
    """Whether ``attack`` did over one other cover what it must: find people, or guess."""
    first = findings[0]
    cover = first.cover
    assert cover != "model"
    # Where windows are put together, the most of them are the attack.
    scores = [_most(finding) for finding in findings]
    found = top1([one for one, _ in scores])
    guesses = [chance if guess is None else guess for _, guess in scores]
    guess = float(np.mean(guesses))
    shuffled = cover == "shuffled"
    return Control(
        attack=attack,
        cover=cover,
        expected="chance" if shuffled else "found",
        top1=figure(found, sum(len(one.hits_at) for one, _ in scores)),
        chance=guess,
        # Shuffled people: not surely above guessing. The others: surely above it.
        held=found.low <= guess if shuffled else found.low > guess,
    )


def figure(interval: Interval, of: int) -> Figure:
    """An interval as a report has it."""
    return Figure(
        mean=round(interval.mean, 2),
        low=round(interval.low, 2),
        high=round(interval.high, 2),
        of=of,
    )


def _most(finding: Finding) -> tuple[ReidScores, float | None]:
    if finding.identity is not None:
        return finding.identity, finding.chance
    if not finding.curve:
        raise ValueError(f"{finding.attack} says nothing of who is who")
    return finding.curve[-1].identity, finding.curve[-1].chance
