"""Windows put together in several ways, of which the best counts."""

from collections.abc import Mapping

from pydantic import JsonValue

from training.audit.findings import Point
from training.evaluate import ReidScores
from training.results import summary


def best_way(
    count: int, ways: Mapping[str, tuple[ReidScores, float]]
) -> tuple[str, Point, dict[str, JsonValue]]:
    """The best of ``ways``, its point of ``count`` windows, and what each found, for the report.

    Of every way, its scores and the percentage of top-1 that a guess gets. The best of them
    counts, as if the attacker knew which it is.
    """
    top1 = {way: summary(scores)["top1"] for way, (scores, _) in ways.items()}
    best = max(top1, key=lambda way: top1[way])
    scores, chance = ways[best]
    told: dict[str, JsonValue] = {
        f"top1_{way}_{count}": round(percent, 2) for way, percent in top1.items()
    }
    return best, Point(count=count, identity=scores, chance=chance), told
