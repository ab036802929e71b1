"""Tables of results: what each seed found, put together with its confidence.

A seed leaves a :class:`SeedResult` with every single query's value, so that any number of
seeds can be put together afterwards; :func:`merged` makes the rows that are published.
"""

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from models.manifest import first_problem
from training.bootstrap import clustered_interval
from training.errors import TrainingError
from training.evaluate import ReidScores, Scores, TargetScores
from training.files import read_json, write_json, write_whole
from training.seeds import numpy_generator

#: Columns of a table: key, heading.
METRICS = {
    "target_acc": "target acc. [%]",
    "top1": "top-1 [%]",
    "top5": "top-5 [%]",
    "top10": "top-10 [%]",
    "map": "mAP [%]",
}
_TOP = {"top1": 1, "top5": 5, "top10": 10}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Row(_Part):
    """One line of a table, from one seed."""

    #: What lies over the windows: ``raw``, ``gaussian-32``, ``anonynoise``, ...
    input: str
    #: When it was measured: ``pre-training``, ``post-training``, ``inversion``, ...
    stage: str
    target: TargetScores | None = None
    reid: ReidScores | None = None


class SeedResult(_Part):
    """All that one seed of one experiment found, and how."""

    experiment: str
    seed: int
    rows: tuple[Row, ...]
    #: Percent of who guesses.
    chance: dict[str, float]
    commit: str | None
    device: str
    duration_s: float
    command: str
    config: dict[str, JsonValue]
    #: Name, digest, notes, and counts of both splits.
    dataset: dict[str, JsonValue]
    synthetic: bool


def summary(scores: Scores) -> dict[str, float]:
    """The metrics of ``scores`` in percent."""
    return {name: float(values.mean()) for name, values in _percent(scores).items()}


def _percent(scores: Scores) -> dict[str, Any]:
    """Of each metric the value of every window or query, float64 ``[N]``, in percent."""
    if isinstance(scores, TargetScores):
        return {"target_acc": 100.0 * np.asarray(scores.correct, np.float64)}
    hits = np.asarray(scores.hits_at)
    values = {name: 100.0 * (hits <= k) for name, k in _TOP.items()}
    return {**values, "map": 100.0 * np.asarray(scores.average_precision)}


def read_seed(path: Path) -> SeedResult:
    """The result in the file ``path``. Raises :class:`TrainingError`."""
    try:
        return SeedResult.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
    except ValidationError as error:
        first = first_problem(error)
        raise TrainingError(first.problem, source=str(path), field=first.field) from None


def merged(results: list[SeedResult]) -> dict[str, Any]:
    """Several seeds of one experiment as the JSON document that is published.

    A person is one cluster of the bootstrap, however many seeds looked at it. Raises
    :class:`TrainingError` if the results are of different experiments, configurations, or
    the same seed twice.
    """
    if not results:
        raise TrainingError("no finished seed", source="report")
    first = results[0]
    for other in results[1:]:
        if (other.experiment, _what(other)) != (first.experiment, _what(first)):
            raise TrainingError(
                f"seeds {first.seed} and {other.seed} ran with different configurations",
                source=first.experiment,
            )
    seeds = [result.seed for result in results]
    if len(set(seeds)) != len(seeds):
        raise TrainingError("one seed is there twice", source=first.experiment, field="seed")
    keys = list(dict.fromkeys((row.input, row.stage) for r in results for row in r.rows))
    return {
        "experiment": first.experiment,
        "synthetic": first.synthetic,
        "seeds": seeds,
        "commit": list(dict.fromkeys(result.commit for result in results)),
        "device": list(dict.fromkeys(result.device for result in results)),
        "duration_s": [round(result.duration_s, 1) for result in results],
        "command": list(dict.fromkeys(result.command for result in results)),
        "confidence": "95 %, bootstrap over people",
        "chance": {
            name: round(float(np.mean([r.chance[name] for r in results])), 2)
            for name in first.chance
        },
        "dataset": first.dataset,
        # Of each seed: people may differ from seed to seed.
        "digests": [result.dataset["digest"] for result in results],
        "config": first.config,
        "rows": [_row(results, *key) for key in keys],
    }


def found(path: Path, input_: str) -> dict[str, Any]:
    """What the published document in ``path`` says of ``input_`` and of raw windows, in short.

    Percentages as text, with their intervals. Raises :class:`TrainingError`.
    """
    document = read_json(path)
    rows = document.get("rows", []) if isinstance(document, dict) else []
    told = {
        f"{row['input']}, {row['stage']}": {name: _text(row[name]) for name in METRICS if row[name]}
        for row in rows
        if row["input"] in ("raw", input_)
    }
    if not any(row["input"] == input_ for row in rows):
        raise TrainingError(f"has no row {input_}", source=str(path), field="rows")
    about = {name: document.get(name) for name in ("seeds", "chance", "confidence")}
    return {"percent": told, **about}


def _what(result: SeedResult) -> dict[str, JsonValue]:
    """The configuration but for what it ran on."""
    return {name: value for name, value in result.config.items() if name != "compute"}


def _row(results: list[SeedResult], input_: str, stage: str) -> dict[str, Any]:
    values: dict[str, list[float]] = {}
    people: dict[str, list[str]] = {}
    for result in results:
        for row in result.rows:
            if (row.input, row.stage) != (input_, stage):
                continue
            for scores in (row.target, row.reid):
                if scores is None:
                    continue
                persons = [f"{result.dataset['digest']}/{one}" for one in scores.subject]
                for name, percent in _percent(scores).items():
                    values.setdefault(name, []).extend(percent.tolist())
                    people.setdefault(name, []).extend(persons)
    row_: dict[str, Any] = {"input": input_, "stage": stage}
    for name in METRICS:
        row_[name] = None
        if name in values:
            clusters = np.unique(people[name], return_inverse=True)[1]
            interval = clustered_interval(values[name], clusters, numpy_generator("results", name))
            row_[name] = {
                "mean": round(interval.mean, 2),
                "low": round(interval.low, 2),
                "high": round(interval.high, 2),
                "of": len(values[name]),
            }
            if name != "map":
                row_[name]["count"] = int(np.count_nonzero(values[name]))
    return row_


def markdown(document: dict[str, Any], *, few: int = 100) -> str:
    """The table of a :func:`merged` document, means with 95 % intervals.

    Shares of fewer than ``few`` windows or queries are said in counts, too. Documents of before
    ``digests`` were kept read as those of one data set.
    """
    shown = [name for name in METRICS if any(row[name] for row in document["rows"])]
    lines = [
        "| input | stage | " + " | ".join(METRICS[name] for name in shown) + " |",
        "|---|---|" + "---:|" * len(shown),
    ]
    for row in document["rows"]:
        cells = [_cell(row[name], few) for name in shown]
        lines.append(f"| {row['input']} | {row['stage']} | " + " | ".join(cells) + " |")
    chance = [
        f"{document['chance'][name]:.1f}" if name in document["chance"] else "" for name in shown
    ]
    lines.append("| chance | | " + " | ".join(chance) + " |")
    counts = document["dataset"]
    kind = "synthetic recordings" if document["synthetic"] else "recordings"
    sets = len(set(document.get("digests", ())))
    several = f" in the first of {sets} data sets" if sets > 1 else ""
    lines += [
        "",
        f"{document['config']['name']} configuration on {kind} ({counts['name']}): "
        f"{_split(counts['train'])} to train on, {_split(counts['test'])} to test on{several}; "
        f"seeds {', '.join(map(str, document['seeds']))}; brackets: 95 % bootstrap over people.",
    ]
    return "\n".join(lines) + "\n"


def _text(interval: dict[str, float]) -> str:
    return f"{interval['mean']:.1f} [{interval['low']:.1f}, {interval['high']:.1f}]"


def _cell(interval: dict[str, float] | None, few: int) -> str:
    if interval is None:
        return ""
    text = _text(interval)
    if "count" in interval and interval["of"] < few:
        text += f" {interval['count']}/{interval['of']}"
    return text


def _split(counts: dict[str, int]) -> str:
    return f"{counts['subjects']} people with {counts['windows']} windows"


def publish(document: dict[str, Any], folder: Path) -> Path:
    """Write ``EXPERIMENT.json`` and ``EXPERIMENT.md`` into ``folder``; returns the former."""
    path = folder / f"{document['experiment']}.json"
    write_json(path, document)
    write_whole(path.with_suffix(".md"), markdown(document).encode())
    return path
