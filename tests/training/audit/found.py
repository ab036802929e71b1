"""Findings of eight people, as attacks have them."""

import numpy as np

from training.audit.findings import Finding
from training.audit.policy import Policy
from training.evaluate import ReidScores

PEOPLE = 8
CHANCE = 100 / PEOPLE
POLICY = Policy(over_chance=2.0)


def scores(right: float, *, queries: int = 60, seed: int = 0, spread: float = 0.0) -> ReidScores:
    """Queries of eight people of which about ``right`` percent are answered right."""
    generator = np.random.default_rng(seed)
    share = np.clip(right / 100 + spread * np.linspace(-1, 1, PEOPLE), 0, 1)
    subject = np.repeat(np.arange(PEOPLE), queries)
    hit = generator.random(PEOPLE * queries) < share[subject]
    return ReidScores(
        subject=tuple(subject.tolist()),
        hits_at=tuple(np.where(hit, 1, 7).tolist()),
        average_precision=tuple(np.where(hit, 0.5, 0.1).tolist()),
    )


def finding(right: float, attack: str = "retrain", **more: object) -> Finding:
    fields = {"cover": "model", "seed": 0, "identity": scores(right), "chance": CHANCE} | more
    if fields["identity"] is None:
        del fields["chance"]
    return Finding(attack=attack, **fields)  # type: ignore[arg-type]
