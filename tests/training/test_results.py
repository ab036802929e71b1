"""Tables of results."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.errors import TrainingError
from training.evaluate import ReidScores, TargetScores
from training.files import read_json, write_json
from training.results import (
    Row,
    SeedResult,
    found,
    markdown,
    merged,
    publish,
    read_seed,
    summary,
)

TARGET = TargetScores(subject=(0, 0, 1, 1), correct=(True, True, True, False))
REID = ReidScores(
    subject=(0, 0, 1, 1), hits_at=(1, 4, 7, 30), average_precision=(1.0, 0.5, 0.25, 0.05)
)


def result(seed: int = 0, **changes: Any) -> SeedResult:
    fields: dict[str, Any] = {
        "experiment": "table1",
        "seed": seed,
        "rows": (Row(input="raw", stage="pre-training", target=TARGET, reid=REID),),
        "chance": {"target_acc": 33.3, "top1": 16.0, "top5": 50.0, "top10": 80.0, "map": 17.0},
        "commit": "c0ffee",
        "device": "CPU",
        "duration_s": 12.0,
        "command": "anonynoise train table1",
        "config": {"name": "smoke", "compute": {"threads": 1}},
        "dataset": {
            "name": "simulated",
            "digest": "d",
            "train": {"subjects": 4, "recordings": 8, "windows": 48},
            "test": {"subjects": 2, "recordings": 4, "windows": 4},
        },
        "synthetic": True,
    }
    return SeedResult(**fields | changes)


def test_a_row_has_every_metric_in_percent_with_its_interval() -> None:
    document = merged([result()])
    (row,) = document["rows"]
    assert (row["input"], row["stage"]) == ("raw", "pre-training")
    means = {name: row[name]["mean"] for name in ("target_acc", "top1", "top5", "top10", "map")}
    assert means == {"target_acc": 75, "top1": 25, "top5": 50, "top10": 75, "map": 45}
    for name in means:
        assert row[name]["low"] <= row[name]["mean"] <= row[name]["high"]
    assert (row["top1"]["count"], row["top1"]["of"]) == (1, 4)
    assert means == pytest.approx(summary(TARGET) | summary(REID))


def test_seeds_are_put_together() -> None:
    better = Row(
        input="raw",
        stage="pre-training",
        target=TARGET,
        reid=ReidScores(subject=(0, 1), hits_at=(1, 1), average_precision=(1.0, 1.0)),
    )
    document = merged([result(0), result(3, rows=(better,), duration_s=8.0)])
    assert document["seeds"] == [0, 3]
    assert document["duration_s"] == [12.0, 8.0]
    assert document["synthetic"] is True
    (row,) = document["rows"]
    assert row["top1"]["mean"] == 50
    assert row["top1"]["of"] == 6


def test_people_of_every_seed_are_recorded() -> None:
    others = result().dataset | {"digest": "e", "notes": ["Others."]}
    document = merged([result(0), result(1, dataset=others), result(2)])
    assert document["digests"] == ["d", "e", "d"]
    assert document["dataset"] == result().dataset
    # They are other people, so their number is not that of the first set.
    assert "to test on in the first of 2 data sets; seeds 0, 1, 2" in markdown(document)
    assert "data sets" not in markdown(merged([result(0), result(1)]))


@pytest.mark.parametrize(
    "path",
    sorted((Path(__file__).parents[2] / "training/results").glob("*/table1*.json")),
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_published_documents_are_read(path: Path) -> None:
    document = read_json(path)
    assert markdown(document) == path.with_suffix(".md").read_text()
    assert found(path, "anonynoise")["seeds"] == document["seeds"]


def test_what_it_ran_on_may_differ_between_seeds_and_nothing_else() -> None:
    merged([result(0), result(1, config={"name": "smoke", "compute": {"threads": 2}})])
    with pytest.raises(TrainingError, match="seeds 0 and 1 ran with different configurations"):
        merged([result(0), result(1, config={"name": "smoke", "epochs": 3})])
    with pytest.raises(TrainingError, match="seed: one seed is there twice"):
        merged([result(0), result(0)])
    with pytest.raises(TrainingError, match="no finished seed"):
        merged([])


def test_what_was_not_measured_is_empty() -> None:
    document = merged([result(rows=(Row(input="raw", stage="pre-training", reid=REID),))])
    assert document["rows"][0]["target_acc"] is None
    assert "target" not in markdown(document)


def test_the_table_reads_like_the_document() -> None:
    lines = markdown(merged([result()])).splitlines()
    assert lines[0].startswith("| input | stage | target acc. [%] | top-1 [%] |")
    assert lines[2].startswith("| raw | pre-training | 75.0 [")
    # Of four windows a percentage alone would mislead.
    assert "] 3/4 | 25.0 [" in lines[2]
    assert "3/4" not in markdown(merged([result()]), few=4)
    assert lines[3].startswith("| chance | | 33.3 | 16.0 |")
    assert "synthetic recordings" in lines[5]
    assert "2 people with 4 windows" in lines[5]


def test_a_result_is_written_and_read_back(tmp_path: Path) -> None:
    one = result()
    write_json(tmp_path / "seed.json", one.model_dump(mode="json"))
    assert read_seed(tmp_path / "seed.json") == one
    document = merged([one])
    path = publish(document, tmp_path / "results")
    assert path.name == "table1.json"
    assert json.loads(path.read_text()) == document
    assert path.with_suffix(".md").read_text() == markdown(document)


@pytest.mark.parametrize("text", ["", "{}", "[", '{"experiment": 3}'])
def test_a_damaged_result_is_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "seed.json").write_text(text)
    with pytest.raises(TrainingError, match=r"seed\.json") as caught:
        read_seed(tmp_path / "seed.json")
    assert "\n" not in str(caught.value)


def test_what_was_found_is_taken_from_the_published_document(tmp_path: Path) -> None:
    rows = (
        *result().rows,
        Row(input="gaussian-4", stage="post-training", target=TARGET, reid=REID),
        Row(input="anonynoise", stage="post-training", target=TARGET, reid=REID),
    )
    write_json(tmp_path / "table1.json", merged([result(rows=rows)]))
    told = found(tmp_path / "table1.json", "anonynoise")
    assert list(told["percent"]) == ["raw, pre-training", "anonynoise, post-training"]
    assert told["percent"]["raw, pre-training"]["top1"].startswith("25.0 [")
    assert told["seeds"] == [0]
    assert told["chance"]["top1"] == 16
    with pytest.raises(TrainingError, match="has no row other"):
        found(tmp_path / "table1.json", "other")
