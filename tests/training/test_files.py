"""Whole files."""

import errno
import os
from pathlib import Path

import pytest

from training.errors import TrainingError
from training.files import read_json, write_json, write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.json"
    write_json(path, {"a": 1})
    write_json(path, [2])
    assert read_json(path) == [2]
    assert [one.name for one in path.parent.iterdir()] == ["file.json"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"file/x: (Not a directory|File exists)"):
        write_whole(tmp_path / "file" / "x", b"")


def test_what_fails_before_the_end_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(tmp_path / "x", b"before")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(TrainingError, match="x: No space left on device"):
        write_whole(tmp_path / "x", b"after")
    assert (tmp_path / "x").read_bytes() == b"before"
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000])
def test_what_is_not_json_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(TrainingError, match=r"x\.json: is not JSON"):
        read_json(tmp_path / "x.json")
