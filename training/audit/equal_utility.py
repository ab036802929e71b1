"""How much Gaussian noise leaves as much of the task as the model does, and what it would hide.

The comparison of AnonyNoise, Sec. 5.4. The accuracies compared are those of recognisers that were
trained for the report alone, on what is published and on noise for the same time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from training.audit.report import Baseline, Figure, Report

#: The attack that is made on baselines, too.
ON_NOISE = "retrain-residual-warm"
#: Of the recognisers, that of whom the baselines have one, too.
_RETRAINED = "retrained"


@dataclass(frozen=True)
class Noise:
    """Gaussian noise, between two that were measured; percent, and ``std`` in counts."""

    std: float
    top1: float


def found_alike(report: Report) -> Figure | None:
    """Top-1 of the attack that is made on the baselines, over the model."""
    for one in report.attacks:
        if (one.attack, one.cover) == (ON_NOISE, "model") and one.identity is not None:
            return one.identity.top1
    return None


def as_useful(baselines: Sequence[Baseline], accuracy: float) -> Noise | None:
    """The most noise that leaves ``accuracy`` percent of the task, by straight lines between them.

    ``baselines``: raw windows, as noise of nothing, and noise, the least first. None where no noise
    leaves so much, and where all of it leaves more.
    """
    for less, more in reversed(list(pairwise(baselines))):
        above, below = less.accuracy.mean, more.accuracy.mean
        if above >= accuracy > below:
            share = (above - accuracy) / (above - below)
            return Noise(
                std=less.std + share * (more.std - less.std),
                top1=less.top1.mean + share * (more.top1.mean - less.top1.mean),
            )
    return None


def compared(report: Report) -> str | None:
    """The comparison in words; None where there is nothing to compare."""
    baselines = sorted(report.baselines, key=lambda one: one.std)
    read = next((one for one in report.utility if one.consumer == _RETRAINED), None)
    if read is None or not any(one.std for one in baselines):
        return None
    accuracy = read.accuracy.mean
    begun = f"A recogniser trained on what the model publishes gets {accuracy:.1f} % right. "
    alike = found_alike(report)
    model = "" if alike is None else f", and {alike.mean:.1f} % under the model"
    people = f"of people in single windows{model}."
    noise = as_useful(baselines, accuracy)
    if noise is not None:
        return (
            f"{begun}Gaussian noise of about {round(noise.std, 1):g} counts leaves as much: "
            f"under it {ON_NOISE} finds about {noise.top1:.1f} % {people}"
        )
    most = max(baselines, key=lambda one: one.accuracy.mean)
    if accuracy > most.accuracy.mean:
        return f"{begun}No noise leaves as much: at most {most.accuracy.mean:.1f} % ({most.name})."
    last = baselines[-1]
    return (
        f"{begun}The most noise that was tried, {last.name}, leaves more, "
        f"{last.accuracy.mean:.1f} %: under it {ON_NOISE} finds {last.top1.mean:.1f} % {people}"
    )
