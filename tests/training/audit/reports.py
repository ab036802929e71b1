"""A made-up report of an audit."""

import base64
import io
from datetime import UTC, datetime, timedelta
from typing import Any

from PIL import Image

from models.audit import Worst
from training.audit.findings import Cover, Skipped
from training.audit.policy import Policy
from training.audit.report import (
    Attack,
    Attribute,
    Baseline,
    Control,
    CurvePoint,
    Data,
    Figure,
    Identity,
    Model,
    Report,
    Sample,
    Utility,
    Verification,
)

CHANCE = 14.5
STARTED = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def figure(mean: float, reach: float = 4.0, of: int = 264) -> Figure:
    """``mean`` percent, ``reach`` to each side."""
    return Figure(mean=mean, low=max(0.0, mean - reach), high=min(100.0, mean + reach), of=of)


def png(*colour: int) -> str:
    """A small picture of one colour, in base64."""
    file = io.BytesIO()
    Image.new("RGB", (40, 8), colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def attack(name: str, top1: float | None = None, **changes: Any) -> Attack:
    """An attack on the model that finds ``top1`` percent of the people."""
    fields: dict[str, Any] = {
        "attack": name,
        "cover": "model",
        "goal": "identity",
        "threat": f"The adversary of {name} has recordings of other people.",
        "gated": True,
        "seeds": (0, 1),
        "duration_s": 61.0,
    }
    if top1 is not None:
        fields |= {
            "identity": Identity(
                top1=figure(top1),
                top5=figure(min(100, top1 + 40)),
                top10=figure(min(100, top1 + 60)),
                map=figure(16),
                chance=CHANCE,
            ),
            "cmc": tuple(min(100.0, top1 + 5.0 * rank) for rank in range(20)),
            "verification": Verification(
                eer=figure(47.0), tpr_at_1=figure(1.5, 0.5), tpr_at_01=figure(0.2, 0.1)
            ),
        }
    return Attack(**fields | changes)


def curve(*points: float) -> tuple[CurvePoint, ...]:
    """Top-1 at 1, 2, 4, ... put together."""
    return tuple(
        CurvePoint(count=1 << place, top1=figure(mean), chance=CHANCE)
        for place, mean in enumerate(points)
    )


def control(name: str, cover: Cover, top1: float, *, held: bool = True) -> Control:
    """What ``name`` did over another cover."""
    return Control(
        attack=name,
        cover=cover,
        expected="chance" if cover == "shuffled" else "found",
        top1=figure(top1),
        chance=CHANCE,
        held=held,
    )


def report(**changes: Any) -> Report:
    """The audit of a model that passes; ``enrolled``, which does not count, beats it."""
    fields: dict[str, Any] = {
        "model": Model(
            name="anonynoise-gesture",
            version="1.0.0",
            profile="anti-reid",
            sha256="a" * 64,
            manifest_sha256="b" * 64,
            window_us=500_000,
        ),
        "suite": "nightly",
        "data": Data(
            name="simulated",
            digest="d" * 64,
            synthetic=True,
            notes=("The recordings are synthetic.",),
            train={"subjects": 23, "recordings": 1012, "windows": 4048},
            test={"subjects": 6, "recordings": 264, "windows": 1056},
        ),
        "policy": Policy(),
        "verdict": "pass",
        "reason": "no attack's upper bound is above its limit; consecutive-16 finds 15.3 %",
        "worst": Worst(
            attack="consecutive-16",
            metric="top1",
            value=15.3,
            low=11.3,
            high=19.3,
            chance=CHANCE,
            limit=29.0,
        ),
        "chance": CHANCE,
        "attacks": (
            attack("retrain-residual-warm", 8.2),
            attack("consecutive", curve=curve(8.1, 9.9, 12.2, 14.4, 15.3)),
            attack(
                "noise-stream", goal="noise", details={"p_value": 0.43, "repeats": 0, "ok": True}
            ),
            attack("static", 9.4, notes=("Known to be weak.",)),
            attack("enrolled", 41.25, gated=False),
            attack("averaging", curve=curve(8.3, 12.0, 19.0, 31.0, 48.0, 62.0, 71.0), gated=False),
            attack(
                "attributes",
                goal="attribute",
                gated=False,
                attributes=(Attribute(name="handedness", right=figure(54.0), chance=52.0),),
            ),
            attack(
                "reconstruction",
                11.0,
                goal="picture",
                details={
                    "ssim": {"raw": 0.71, "published": 0.04},
                    "pictures": [
                        {
                            "covered": png(9, 9, 9),
                            "reconstructed_covered": png(8, 8, 8),
                            "raw": png(90, 80, 70),
                            "reconstructed_raw": png(91, 81, 71),
                        }
                    ],
                },
            ),
            attack("retrain-residual-warm", 83.3, cover="raw"),
            attack("averaging", cover="weak", curve=curve(71.0, 75.0, 80.0), gated=False),
        ),
        "controls": (
            control("retrain-residual-warm", "raw", 83.3),
            control("retrain-residual-warm", "shuffled", 15.0),
        ),
        "skipped": (
            Skipped(attack="white-box", cover="model", seed=1, reason="the time was over"),
        ),
        "utility": (
            Utility(consumer="gesture", task="gesture", accuracy=figure(96.3, 2), chance=9.1),
            Utility(consumer="retrained", task="gesture", accuracy=figure(94.3, 2), chance=9.1),
        ),
        "baselines": (
            Baseline(name="raw", std=0, accuracy=figure(97.7, 2), top1=figure(83.3, 14)),
            Baseline(name="gaussian-1", std=1, accuracy=figure(96.7, 2), top1=figure(87.6, 9)),
            Baseline(name="gaussian-4", std=4, accuracy=figure(94.6, 4), top1=figure(65.2, 16)),
            Baseline(name="gaussian-16", std=16, accuracy=figure(70.8, 7), top1=figure(26.1, 9)),
            Baseline(name="gaussian-64", std=64, accuracy=figure(20.0, 4), top1=figure(17.9, 4)),
        ),
        "samples": (
            Sample(
                caption="Test window 0, right hand wave",
                raw=png(200, 0, 90),
                published=png(50, 0, 60),
            ),
        ),
        "seeds": (0, 1),
        "started": STARTED,
        "finished": STARTED + timedelta(minutes=95),
        "duration_s": 5712.0,
        "commit": "c0ffee",
        "device": "CPU, 2 threads, 32-true",
        "command": "anonynoise audit anonynoise-gesture --data gesture-0 --suite nightly",
    }
    return Report(**fields | changes)


def empty_report(**changes: Any) -> Report:
    """An audit in which nothing came to an end."""
    fields: dict[str, Any] = {
        "verdict": "undecided",
        "reason": "no attack came to an end",
        "worst": None,
        "skipped": tuple(
            Skipped(attack=name, cover="model", seed=0, reason="no time at all")
            for name in ("retrain-residual-warm", "static")
        ),
        **dict.fromkeys(("attacks", "controls", "utility", "baselines", "samples"), ()),
    }
    return report(**fields | changes)
