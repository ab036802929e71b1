import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from models.audit import new_key, read_private_key
from models.commands import models
from models.repository import PACKAGED_ROOT, Repository, save
from tests.models.audits import OTHER_KEY, audited, rewritten
from tests.models.onnx_models import classifying, node, noisy, onnx_bytes, trusted


def run(*arguments: object) -> Result:
    return CliRunner().invoke(models, list(map(str, arguments)))


def is_one_line(result: Result) -> bool:
    lines = result.stderr.strip().splitlines()
    return result.exit_code != 0 and len(lines) == 1 and lines[0].startswith("Error: ")


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["list"],
        ["show"],
        ["verify"],
        ["copy"],
    ],
)
def test_every_help_has_an_example(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert " ".join(["Example: anonynoise models", *command]) in " ".join(result.stdout.split())


def test_list_names_every_model_and_the_default() -> None:
    rows = json.loads(run("list", "--json").stdout)
    assert [row["name"] for row in rows] == list(Repository().list())
    assert [row["name"] for row in rows if row["default"]] == ["anonynoise-gesture"]
    assert all(row["problem"] is None for row in rows)
    assert "gaussian-4" in run("list").stdout


def test_list_says_what_is_wrong_with_a_broken_model(tmp_path: Path) -> None:
    save(noisy(), tmp_path / "sample")
    (tmp_path / "sample" / "model.onnx").write_bytes(b"other")
    result = run("--root", tmp_path, "list", "--json")
    assert result.exit_code == 0
    (row,) = json.loads(result.stdout)
    assert "differs" in row["problem"]
    assert row["manifest"] is None


def test_show_prints_the_manifest() -> None:
    text = (PACKAGED_ROOT / "gaussian-4" / "manifest.json").read_text()
    assert run("show", "gaussian-4", "--json").stdout == text
    assert run("show", PACKAGED_ROOT / "gaussian-4", "--json").stdout == text
    assert "gaussian-baseline" in run("show", "gaussian-4").stdout
    assert "anti-reid" in run("show").stdout


@pytest.mark.parametrize("name", ["nobody", "../gaussian-4", "/missing", ""])
def test_a_model_that_is_not_there_is_one_line(name: str) -> None:
    assert is_one_line(run("show", name))
    assert is_one_line(run("show", name, "--json"))


def test_verify_runs_every_model() -> None:
    result = run("verify", "--device", "cpu", "--json")
    assert result.exit_code == 0
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows] == list(Repository().list())
    assert {(row["provider"], row["problem"]) for row in rows} == {("CPUExecutionProvider", None)}


def test_verify_fails_with_the_first_reason_and_checks_the_rest(tmp_path: Path) -> None:
    save(trusted(onnx_bytes([node("Identity", ["events"], ["anonymized"])])), tmp_path / "a")
    save(noisy(name="b"), tmp_path / "b")
    result = run("--root", tmp_path, "verify", "--json")
    assert is_one_line(result)
    assert "1 of 2 models failed" in result.stderr
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows if row["problem"]] == ["a"]
    assert run("--root", tmp_path, "verify", "b").exit_code == 0


@pytest.mark.parametrize("command", ["list", "verify"])
def test_a_root_without_models_is_told(tmp_path: Path, command: str) -> None:
    assert is_one_line(run("--root", tmp_path / "missing", command))


def test_an_empty_root_verifies_nothing_and_says_so(tmp_path: Path) -> None:
    assert is_one_line(run("--root", tmp_path, "verify"))


def test_classifiers_are_listed_shown_and_verified(tmp_path: Path) -> None:
    save(noisy(), tmp_path / "sample")
    save(classifying(), tmp_path / "judge")
    rows = json.loads(run("--root", tmp_path, "list", "--json").stdout)
    assert [(row["name"], row["manifest"]["kind"]) for row in rows] == [
        ("judge", "classifier"),
        ("sample", "anonymizer"),
    ]
    assert "gesture" in run("--root", tmp_path, "list").stdout
    assert '"anonymizer_sha256"' in run("--root", tmp_path, "show", "judge", "--json").stdout
    result = run("--root", tmp_path, "verify", "--device", "cpu", "--json")
    assert result.exit_code == 0
    assert {row["problem"] for row in json.loads(result.stdout)} == {None}


def test_a_classifier_that_does_not_run_fails_verification(tmp_path: Path) -> None:
    data = onnx_bytes([node("Add", ["events", "noise"], ["anonymized"])])
    save(classifying(data), tmp_path / "judge")
    result = run("--root", tmp_path, "verify")
    assert is_one_line(result)
    assert "judge: the graph takes" in result.stderr


def test_a_verdict_is_shown_and_whether_anybody_verified_it(tmp_path: Path) -> None:
    save(noisy(), tmp_path / "sample")
    save(classifying(), tmp_path / "judge")

    def shown(*arguments: object) -> str:
        table = run("--root", tmp_path, "show", "sample", *arguments).stdout
        rows = json.loads(run("--root", tmp_path, "list", "--json", *arguments).stdout)
        lines = {row["name"]: row["audit"] for row in rows}
        assert lines["judge"] is None
        assert lines["sample"] in table
        return lines["sample"]

    public = new_key(tmp_path / "keys")
    key = read_private_key(tmp_path / "keys" / "audit.key")
    with_key = ("--audit-key", tmp_path / "keys" / "audit.pub")
    assert shown() == shown(*with_key) == "none"
    moment = datetime(2026, 11, 21, tzinfo=UTC)
    audited(tmp_path / "sample", key, leaks=True, finished=moment)
    assert shown() == "leak, nightly suite, 2026-11-21 (unverified)"
    assert shown(*with_key) == "leak, nightly suite, 2026-11-21"
    audited(tmp_path / "sample", OTHER_KEY, finished=moment)
    assert shown() == "pass, nightly suite, 2026-11-21 (unverified)"
    assert shown(*with_key) == "untrusted: was signed with another key"
    rewritten(tmp_path / "sample", audit={"verdict": "pass"})
    assert shown().startswith("untrusted: cannot be read")
    assert key.public_key() == public
    for command in (["list"], ["show", "sample"]):
        assert is_one_line(run("--root", tmp_path, *command, "--audit-key", tmp_path / "none"))


def test_models_are_copied_once_and_never_over_others(tmp_path: Path) -> None:
    save(noisy(), tmp_path / "from" / "sample")
    save(classifying(), tmp_path / "from" / "judge")
    there = tmp_path / "to" / "shared"

    def copied() -> list[str]:
        result = run("--root", tmp_path / "from", "copy", there)
        assert result.exit_code == 0
        return result.stdout.splitlines()

    assert copied() == ["judge  copied", "sample  copied"]
    assert Repository(there).verify() == {"judge": None, "sample": None}
    # What the audit job wrote there stays, and is no difference.
    audited(there / "sample")
    before = (there / "sample" / "manifest.json").read_bytes()
    assert copied() == ["judge  is there", "sample  is there"]
    assert (there / "sample" / "manifest.json").read_bytes() == before
    rewritten(there / "sample", version="9.9.9")
    (there / "judge" / "model.onnx").write_bytes(b"other")
    judge, sample = copied()
    assert judge.startswith("judge  stays: ")
    assert "differs" in judge
    assert sample == "sample  stays: there is another one of that name"
    assert (there / "judge" / "model.onnx").read_bytes() == b"other"


def test_a_copy_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert is_one_line(run("copy", tmp_path / "file" / "models"))
    itself = run("--root", tmp_path, "copy", tmp_path)
    assert is_one_line(itself)
    assert "is the repository that would be copied" in itself.stderr
    assert is_one_line(run("--root", tmp_path / "none", "copy", tmp_path / "to"))
