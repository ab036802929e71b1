"""What could be said of simulated people."""

import pytest

from training.simulator.scenes import SCENES
from training.simulator.traits import traits

EXPECTED = {
    "gesture": {
        "handedness": {"left", "right"},
        "size": {"small", "medium", "large"},
        "hair": {"short", "long"},
        "build": {"slim", "medium", "broad"},
    },
    "eye": {"skin": {"dark", "medium", "light"}, "iris": {"dark", "light"}},
}


@pytest.mark.parametrize("scene", list(SCENES))
def test_every_value_occurs_and_no_other(scene: str) -> None:
    found: dict[str, list[str]] = {}
    for subject in range(300):
        for name, value in traits(scene, 0, subject).items():
            found.setdefault(name, []).append(value)
    assert {name: set(values) for name, values in found.items()} == EXPECTED[scene]
    # Something to be told: no value is nearly everybody's but the right hand.
    for name, values in found.items():
        most = max(values.count(value) for value in set(values)) / len(values)
        assert most < (0.92 if name == "handedness" else 0.65)


def test_a_person_stays_the_same() -> None:
    assert traits("gesture", 3, 5) == traits("gesture", 3, 5)
    assert any(traits("gesture", 3, 5) != traits("gesture", seed, 5) for seed in range(4, 12))
