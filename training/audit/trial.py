"""The audit put to the test: attacked models of which it is known whether they leak."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from models.audit import Suite, Verdict, Worst
from models.manifest import Part, Sha256, Slug, first_problem
from training.audit.audit import Settings, audit
from training.audit.known_models import KNOWN
from training.audit.under_way import over
from training.datasets.window_set import Dataset
from training.device import describe
from training.errors import TrainingError
from training.files import write_json, write_whole
from training.provenance import commit
from training.run import content

JSON_FILE, TABLE_FILE = "trial.json", "trial.md"


class Outcome(Part):
    """One audit of one known model."""

    model: Slug
    leaks: bool
    seed: int
    verdict: Verdict
    reason: str
    worst: Worst | None
    commit: str | None
    device: str
    duration_s: float

    @property
    def right(self) -> bool:
        """Whether who leaks was caught, or who does not was not."""
        return (self.verdict == "leak") == self.leaks


class Trial(Part):
    """All audits of a trial: ``trial.json``."""

    schema_version: Literal[1] = 1
    suite: Suite
    data: str
    data_digest: Sha256
    synthetic: bool
    command: str
    outcomes: tuple[Outcome, ...] = ()


def trial(
    names: Sequence[str],
    runs: int,
    dataset: Dataset,
    synthetic: bool,
    settings: Settings,
    out: Path,
) -> Trial:
    """Audit each of the known models ``names`` with ``runs`` seeds, from ``settings.seed`` on.

    The seed draws the attackers and the test windows. Every audit is kept in ``out`` when it is
    over, so that a later call goes on. Raises :class:`TrainingError`, also for a trial in
    ``out`` that was on something else.
    """
    begun = Trial(
        suite=settings.suite,
        data=dataset.name,
        data_digest=content(dataset),
        synthetic=synthetic,
        command=settings.command,
    )
    found = _before(out / JSON_FILE, begun)
    first = settings.seed or 0
    # What a seed's attackers know of raw windows serves all models.
    for seed in range(first, first + runs):
        for name in names:
            if any((one.model, one.seed) == (name, seed) for one in found.outcomes):
                continue
            outcome = _audited(name, dataset, synthetic, replace(settings, seed=seed))
            found = found.model_copy(
                update={"outcomes": (*found.outcomes, outcome), "command": settings.command}
            )
            write_json(out / JSON_FILE, found.model_dump(mode="json"))
            write_whole(out / TABLE_FILE, table(found).encode())
    return found


def table(found: Trial) -> str:
    """How often each model was judged how, in Markdown."""
    lines = [
        "| model | leaks | audits | leak | undecided | pass | right |",
        "|---|---|---:|---:|---:|---:|---:|",
        *_rows(found.outcomes),
        "",
        f"{found.suite} suite on {'synthetic ' if found.synthetic else ''}recordings "
        f"({found.data}); right: who leaks is caught, who does not is not.",
    ]
    return "\n".join(lines) + "\n"


def _rows(outcomes: Iterable[Outcome]) -> Iterator[str]:
    by_model: dict[str, list[Outcome]] = {}
    for one in outcomes:
        by_model.setdefault(one.model, []).append(one)
    for model, own in by_model.items():
        given = [
            sum(one.verdict == verdict for one in own) for verdict in ("leak", "undecided", "pass")
        ]
        right = sum(one.right for one in own)
        counts = " | ".join(map(str, given))
        leaks = "yes" if own[0].leaks else "no"
        yield f"| {model} | {leaks} | {len(own)} | {counts} | {right} of {len(own)} |"


def _audited(name: str, dataset: Dataset, synthetic: bool, settings: Settings) -> Outcome:
    make, leaks = KNOWN[name]
    start_s = time.monotonic()
    report = audit(make(), dataset, synthetic, settings)
    over(settings.work)
    return Outcome(
        model=name,
        leaks=leaks,
        seed=report.seeds[0],
        verdict=report.verdict,
        reason=report.reason,
        worst=report.worst,
        commit=commit(),
        device=describe(settings.config.compute),
        duration_s=round(time.monotonic() - start_s, 1),
    )


def _before(path: Path, begun: Trial) -> Trial:
    """The trial in the file ``path``, or ``begun`` if there is none."""
    try:
        found = Trial.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return begun
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
    except ValidationError as error:
        raise TrainingError(str(first_problem(error)), source=str(path)) from None
    if (found.suite, found.data_digest) != (begun.suite, begun.data_digest):
        raise TrainingError("is a trial of another suite or of other data", source=str(path))
    return found
