import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.commands import export, models
from models.manifest import Manifest
from models.repository import PACKAGED_ROOT, Repository, save
from tests.models.onnx_models import node, noisy, onnx_bytes, trusted


def run(*arguments: object) -> Result:
    group, *rest = map(str, arguments)
    return CliRunner().invoke({"models": models, "export": export}[group], rest)


def is_one_line(result: Result) -> bool:
    lines = result.stderr.strip().splitlines()
    return result.exit_code != 0 and len(lines) == 1 and lines[0].startswith("Error: ")


@pytest.mark.parametrize(
    "command",
    [
        ["models"],
        ["models", "list"],
        ["models", "show"],
        ["models", "verify"],
        ["export"],
        ["export", "gaussian"],
    ],
)
def test_every_help_has_an_example(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert f"Example: anonynoise {' '.join(command)}" in " ".join(result.stdout.split())


def test_list_names_every_model_and_the_default() -> None:
    rows = json.loads(run("models", "list", "--json").stdout)
    assert [row["name"] for row in rows] == list(Repository().list())
    assert [row["name"] for row in rows if row["default"]] == ["gaussian-4"]
    assert all(row["problem"] is None for row in rows)
    assert "gaussian-4" in run("models", "list").stdout


def test_list_says_what_is_wrong_with_a_broken_model(tmp_path: Path) -> None:
    save(noisy(), tmp_path / "sample")
    (tmp_path / "sample" / "model.onnx").write_bytes(b"other")
    result = run("models", "--root", tmp_path, "list", "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert "differs" in row["problem"]
    assert row["manifest"] is None


def test_show_prints_the_manifest() -> None:
    text = (PACKAGED_ROOT / "gaussian-4" / "manifest.json").read_text()
    assert run("models", "show", "--json").stdout == text
    assert run("models", "show", "gaussian-4", "--json").stdout == text
    assert run("models", "show", PACKAGED_ROOT / "gaussian-4", "--json").stdout == text
    assert "gaussian-baseline" in run("models", "show").stdout


@pytest.mark.parametrize("name", ["nobody", "../gaussian-4", "/missing", ""])
def test_a_model_that_is_not_there_is_one_line(name: str) -> None:
    assert is_one_line(run("models", "show", name))
    assert is_one_line(run("models", "show", name, "--json"))


def test_verify_runs_every_model() -> None:
    result = run("models", "verify", "--device", "cpu", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == list(Repository().list())
    assert {(row["provider"], row["problem"]) for row in rows} == {("CPUExecutionProvider", None)}


def test_verify_fails_with_the_first_reason_and_checks_the_rest(tmp_path: Path) -> None:
    save(trusted(onnx_bytes([node("Identity", ["events"], ["anonymized"])])), tmp_path / "a")
    save(noisy(name="b"), tmp_path / "b")
    result = run("models", "--root", tmp_path, "verify", "--json")
    assert is_one_line(result)
    assert "1 of 2 models failed" in result.stderr
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows if row["problem"]] == ["a"]
    assert run("models", "--root", tmp_path, "verify", "b").exit_code == 0


@pytest.mark.parametrize("command", ["list", "verify"])
def test_a_root_without_models_is_told(tmp_path: Path, command: str) -> None:
    assert is_one_line(run("models", "--root", tmp_path / "missing", command))


def test_an_empty_root_verifies_nothing_and_says_so(tmp_path: Path) -> None:
    assert is_one_line(run("models", "--root", tmp_path, "verify"))


def test_exported_models_verify(tmp_path: Path) -> None:
    result = run("export", "gaussian", tmp_path / "mine", "--std", 8, "--bins", 3)
    assert result.exit_code == 0
    manifest = Manifest.model_validate_json((tmp_path / "mine" / "manifest.json").read_bytes())
    assert (manifest.name, manifest.channels) == ("mine", 6)
    assert manifest.sha256 in result.stdout
    assert run("models", "--root", tmp_path, "verify", "mine").exit_code == 0
    assert run("models", "verify", tmp_path / "mine").exit_code == 0


def test_a_bad_export_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    assert is_one_line(run("export", "gaussian", tmp_path / "mine", "--std", 0))
    assert is_one_line(run("export", "gaussian", tmp_path / "mine", "--name", "../up"))
    assert is_one_line(run("export", "gaussian", tmp_path / "mine", "--bins", 1000))
    assert list(tmp_path.iterdir()) == []
    assert run("export", "gaussian", tmp_path / "mine").exit_code == 0
    assert is_one_line(run("export", "gaussian", tmp_path / "mine"))
