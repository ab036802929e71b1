"""From what the attacks found to a verdict: pure, and on the side of the people in the picture.

A model passes only if every gated attack came to an end, and so did all that shows whether it
works, and the *upper* bound of each one's top-1, over people and seeds, is within the policy's
limit. It leaks if an attack's mean is above the limit and its lower bound, at a level that is
shared by all attacks, above guessing. Between the two there were too few people, or windows of
each, to tell, which is no pass.

Of the longest stays there may be so few that a guess itself would not be within the limit: then the
mean has to be. An attack that has nothing else to show has not been carried out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.audit import Verdict, Worst
from training.audit.findings import Finding, Skipped
from training.audit.levels import Level, level
from training.audit.policy import Policy
from training.audit.report import Control
from training.audit.shares import top1
from training.evaluate import ReidScores

#: Chance that any of all attacks together is called a leak of a model that tells nothing.
FALSE_ALARM = 0.01


@dataclass(frozen=True)
class Measured:
    """What one attack reached over the model, at one number of windows put together."""

    attack: str
    level: Level
    #: The lower bound, in percent, that holds for all attacks together.
    least: float

    @property
    def leaks(self) -> bool:
        """Whether it is too much and no accident."""
        return self.level.top1.mean > self.level.limit and self.least > self.level.chance

    @property
    def worst(self) -> Worst:
        """In the words of the signed statement."""
        level = self.level
        return Worst(
            attack=level.name,
            metric="top1",
            value=level.top1.mean,
            low=level.top1.low,
            high=level.top1.high,
            chance=level.chance,
            limit=level.limit,
        )


@dataclass(frozen=True)
class Judgement:
    """The verdict, why, and the attack that came nearest to a person."""

    verdict: Verdict
    reason: str
    worst: Worst | None


def measured(findings: Iterable[Finding], policy: Policy) -> tuple[Measured, ...]:
    """What gated attacks found over the model, its findings of all seeds put together."""
    groups: dict[tuple[str, int | None], list[tuple[ReidScores, float]]] = {}
    for finding in findings:
        if finding.identity is not None and finding.chance is not None:
            single = (finding.identity, finding.chance)
            groups.setdefault((finding.attack, None), []).append(single)
        for point in finding.curve:
            place = (finding.attack, point.count)
            groups.setdefault(place, []).append((point.identity, point.chance))
    confidence = 1 - 2 * FALSE_ALARM / max(1, len(groups))
    found = []
    for (attack, count), several in groups.items():
        scores = [scores for scores, _ in several]
        guess = round(float(np.mean([guess for _, guess in several])), 2)
        found.append(
            Measured(
                attack=attack,
                level=level(attack, count, top1(scores), guess, policy),
                least=top1(scores, confidence=confidence).low,
            )
        )
    return tuple(found)


def judge(
    findings: Sequence[Finding],
    gated: Sequence[str],
    controls: Sequence[Control],
    skipped: Sequence[Skipped],
    policy: Policy,
) -> Judgement:
    """The verdict on a model.

    ``findings`` over the model, of all seeds; ``gated`` names the attacks that the verdict
    depends on, each of which must have found something or be ``skipped``: planned, and not
    carried out, over whatever cover. Other attacks' controls decide nothing either.
    """
    deciding = [finding for finding in findings if finding.attack in gated]
    broken = [finding for finding in deciding if finding.broken]
    results = measured(deciding, policy)
    # What is within its limit only by its mean says less than what is by its upper bound.
    counting = [one for one in results if not one.level.unclear]
    worst = max(counting or results, key=_reach, default=None)
    said = worst.worst if worst else None

    def verdict(verdict: Verdict, reason: str) -> Judgement:
        return Judgement(verdict, reason, said)

    if broken:
        return verdict("leak", broken[0].note or f"{broken[0].attack} broke it")
    failed = [one for one in controls if one.attack in gated and not one.held]
    for control in failed:
        if control.expected == "chance":
            return verdict("undecided", f"{control.attack} found people who were shuffled")
    leaks = [one for one in results if one.leaks]
    if leaks:
        first = max(leaks, key=_reach)
        return Judgement("leak", _told(first), first.worst)
    if failed:
        name, cover = failed[0].attack, failed[0].cover
        return verdict("undecided", f"{name} found too few people on {cover} windows")
    # Of controls, too: nobody was found, but it was not shown that the attack could have.
    missing = [one for one in skipped if one.attack in gated]
    if missing:
        first_missing = min(missing, key=lambda one: one.cover != "model")
        return verdict("undecided", _not_carried_out(first_missing, findings))
    for name in gated:
        if not any(one.attack == name for one in deciding):
            return verdict("undecided", f"{name} was not carried out")
        own = [one for one in results if one.attack == name]
        if own and all(one.level.unclear for one in own):
            return Judgement("undecided", _too_few(own[0]), own[0].worst)
    if worst is None:
        return verdict("undecided", "no attack came to an end")
    if worst.level.open:
        return verdict("undecided", _too_few(worst))
    few = [one.level.name for one in results if one.level.unclear]
    by_mean = f"; too few to tell by more than the mean: {', '.join(few)}" if few else ""
    return verdict("pass", f"no attack's upper bound is above its limit; {_told(worst)}{by_mean}")


def _reach(one: Measured) -> float:
    return one.level.reach


def _too_few(one: Measured) -> str:
    return f"too few people, or windows of each, to tell: {_told(one)}"


def _told(one: Measured) -> str:
    level = one.level
    return (
        f"{level.name} finds {level.top1.mean:.1f} % "
        f"[{level.top1.low:.1f}, {level.top1.high:.1f}], "
        f"guessing {level.chance:.1f}, limit {level.limit:.1f}"
    )


def _not_carried_out(one: Skipped, findings: Sequence[Finding]) -> str:
    over = "" if one.cover == "model" else f" over {one.cover} windows"
    others = one.cover == "model" and any(found.attack == one.attack for found in findings)
    seed = f" with seed {one.seed}" if others else ""
    return f"{one.attack} was not carried out{over}{seed}: {one.reason}"
