import csv
import errno
import hashlib
import json
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from training.datasets.simulated import is_synthetic
from training.simulator import recordings, simulate
from training.simulator.command import command
from training.simulator.gesture_scene import gesture_body

SMALL = ("--subjects", "1", "--lightings", "led", "--duration", "0.1", "--seed", "3")


def run(out: Path, *options: str) -> Result:
    return CliRunner().invoke(command, [str(out), *SMALL, *options])


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("simulated") / "set"
    return out, run(out, "--json")


def test_writes_recordings_labels_and_a_picture(small: tuple[Path, Result]) -> None:
    out, result = small
    assert result.exit_code == 0
    with (out / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "subject", "label", "lighting", "split"]
    assert len(rows) == 11
    assert all((out / row["path"]).stat().st_size for row in rows)
    assert {(row["subject"], row["split"]) for row in rows} == {("subject-01", "train")}
    assert {row["lighting"] for row in rows} == {"led"}
    with Image.open(out / "contact-sheet.png") as sheet:
        assert sheet.size == (11 * 128, 2 * 128)
    others = {"simulation.json", "labels.csv", "subjects.csv", "contact-sheet.png"}
    assert set(digests(out)) == {row["path"] for row in rows} | others
    assert is_synthetic(out)


def test_says_what_its_people_are_like(small: tuple[Path, Result]) -> None:
    with (small[0] / "subjects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["subject", "handedness", "size", "hair", "build"]
    assert [row["subject"] for row in rows] == ["subject-01"]
    body = gesture_body(3, 0)
    assert rows[0]["handedness"] == ("right" if body.right_handed else "left")
    assert rows[0]["hair"] == ("long" if body.hair_length else "short")


def test_says_in_json_what_it_made(small: tuple[Path, Result]) -> None:
    summary = json.loads(small[1].stdout)
    assert summary["recordings"] == 11
    assert summary["events"] > 11 * 100
    assert summary["simulated_s"] == pytest.approx(1.1)
    assert summary["lightings"] == ["led"]


def test_processes_do_not_change_what_is_made(small: tuple[Path, Result], tmp_path: Path) -> None:
    assert run(tmp_path / "set", "--jobs", "2").exit_code == 0
    assert digests(tmp_path / "set") == digests(small[0])


def test_another_seed_makes_another_set(small: tuple[Path, Result], tmp_path: Path) -> None:
    assert run(tmp_path / "set", "--seed", "4", "--format", "npz").exit_code == 0
    assert not set(digests(tmp_path / "set").values()) & set(digests(small[0]).values())


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path}: exists already and is not an empty folder\n"
    assert digests(tmp_path).keys() == {"mine"}


def test_an_unknown_lighting_is_one_line(tmp_path: Path) -> None:
    result = run(tmp_path / "set", "--lightings", "led,candle")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: --lightings: 'candle' is none of ")
    assert result.stderr.count("\n") == 1


def test_a_killed_process_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> Iterator[int]:
        yield 1
        raise BrokenProcessPool

    monkeypatch.setattr(simulate, "_write_all", killed)
    result = run(tmp_path / "set")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path / 'set'}: a process at work was killed\n"
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def full(path: Path, *_: object, **__: object) -> None:
        written.append(path)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(b"")

    monkeypatch.setattr(recordings, "write_aedat4", full)
    result = run(tmp_path / "set")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path / 'set'}: No space left on device\n"
    assert not list(tmp_path.iterdir())
