from pathlib import Path

import pytest

from tests.training.datasets.makers import representation
from training.datasets.load import NAMES, load_dataset
from training.errors import TrainingError

ORIGINS = {
    "simulated": "anonynoise simulate",
    "dvs_gesture": "research.ibm.com",
    "see": "github.com/zhanghaiwei1234",
    "event_reid": "github.com/IIT-PAVIS",
    "enrolled": "anonynoise enrol",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("there", [True, False])
def test_a_missing_data_set_says_where_it_comes_from(
    tmp_path: Path, name: str, there: bool
) -> None:
    root = tmp_path if there else tmp_path / "nowhere"
    with pytest.raises(TrainingError) as caught:
        load_dataset(name, root, representation())
    line = str(caught.value)
    assert "\n" not in line and line.startswith(f"{root}: holds no ")
    origin = next(origin for known, origin in ORIGINS.items() if name.startswith(known))
    assert origin in line and "it must hold" in line and not line.endswith("...")


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    said = r"^dataset\.name: 'mnist' is none of simulated, dvs_gesture"
    with pytest.raises(TrainingError, match=said):
        load_dataset("mnist", tmp_path, representation())
