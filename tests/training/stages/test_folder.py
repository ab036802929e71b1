"""Stage folders."""

from pathlib import Path

import pytest

from training.errors import TrainingError
from training.evaluate import ReidScores
from training.stages.folder import Done, StageFolder

SETTINGS = {"seed": 0, "fit": {"epochs": 3, "rate": 0.1}}
DONE = Done(duration_s=1.5, scores=ReidScores(subject=(4,), hits_at=(2,), average_precision=(0.5,)))


def test_a_stage_is_finished_when_it_was_closed(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path / "stage")
    assert folder.open(SETTINGS) is None
    assert folder.open(SETTINGS) is None
    folder.close(DONE)
    assert folder.open(SETTINGS) == DONE


def test_other_settings_are_refused_by_the_name_of_the_first_that_differs(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path / "stage")
    folder.open(SETTINGS)
    with pytest.raises(TrainingError, match=r"stage: fit\.epochs: differs"):
        folder.open({"seed": 0, "fit": {"epochs": 4, "rate": 0.1}})
    with pytest.raises(TrainingError, match="stage: fit: differs"):
        folder.open({"seed": 0})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"duration_s": "long"}'])
@pytest.mark.parametrize("name", ["settings.json", "done.json"])
def test_damaged_files_are_one_line(tmp_path: Path, name: str, text: str) -> None:
    folder = StageFolder(tmp_path / "stage")
    folder.open(SETTINGS)
    folder.close(DONE)
    (folder.path / name).write_text(text)
    with pytest.raises(TrainingError) as caught:
        folder.open(SETTINGS)
    assert "stage" in str(caught.value)
    assert "\n" not in str(caught.value)
