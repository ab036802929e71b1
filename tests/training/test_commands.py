"""``anonynoise train``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.training.datasets.makers import simulated
from training.commands import train

SMALL = [
    *("--config", "smoke"),
    *("--set", "representation.height=12", "--set", "representation.width=16"),
    *("--set", "representation.window_us=10000"),
    *("--set", "batch={size: 4, identities: 2, windows_per_epoch: 4}"),
]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(train, [str(argument) for argument in arguments])


@pytest.mark.parametrize("name", ["table1", "ablation", "inversion", "generalization", "report"])
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Example: anonynoise train {name}" in result.output


def test_a_table_from_recordings_to_results(tmp_path: Path) -> None:
    data = simulated(tmp_path / "data")
    arguments = ["table1", *SMALL, "--data", data, "--run", tmp_path / "run"]
    # One test subject says nothing of others, so the bootstrap needs two.
    labels = data / "labels.csv"
    labels.write_text(
        "\n".join(
            line.replace(",train", ",test") if "subject-02" in line else line
            for line in labels.read_text().splitlines()
        )
    )
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert [row["input"] for row in document["rows"]] == ["raw", "gaussian-16", "anonynoise"]
    assert document["seeds"] == [0]
    assert document["synthetic"] is True
    assert document == json.loads((tmp_path / "run" / "table1.json").read_text())

    again = run("report", tmp_path / "run", "--results", tmp_path / "results")
    assert again.exit_code == 0, again.output
    assert again.stdout == (tmp_path / "results" / "table1.md").read_text()
    assert json.loads((tmp_path / "results" / "table1.json").read_text()) == document


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["table1", "--data", "DIR", "--run", "DIR"], "anonynoise simulate"),
        (["table1", "--config", "none", "--data", "DIR", "--run", "DIR"], "none: No such file"),
        (["table1", "--set", "x=1", "--data", "DIR", "--run", "DIR"], "small: x: "),
        (["report", "DIR"], "no finished seed"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = run(*[str(tmp_path) if word == "DIR" else word for word in arguments])
    assert result.exit_code == 1
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
