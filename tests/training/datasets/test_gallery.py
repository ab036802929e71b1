import numpy as np
import pytest

from tests.training.datasets.makers import window_set
from training.datasets.gallery import allowed, queries
from training.datasets.window_set import WindowSet
from training.errors import TrainingError

#: 3 subjects, 2 labels, 2 recordings of each (one a camera), 3 windows of each.
ALL = window_set(
    [subject for subject in range(3) for _ in range(12)],
    [label for _ in range(3) for label in range(2) for _ in range(6)],
    [recording for recording in range(12) for _ in range(3)],
)


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_one_query_a_subject_and_label() -> None:
    found = queries(ALL, "gesture", _rng())
    pairs = list(zip(ALL.subject[found], ALL.label[found], strict=True))
    assert pairs == [(subject, label) for subject in range(3) for label in range(2)]


def test_one_query_a_person_and_camera() -> None:
    found = queries(ALL, "event_reid", _rng())
    pairs = list(zip(ALL.subject[found], ALL.condition[found], strict=True))
    assert pairs == [(subject, camera) for subject in range(3) for camera in range(2)]


def test_two_queries_a_subject_from_two_recordings() -> None:
    for seed in range(20):
        found = queries(ALL, "see", _rng(seed))
        assert ALL.subject[found].tolist() == [0, 0, 1, 1, 2, 2]
        assert len(set(ALL.recording[found])) == 6


@pytest.mark.parametrize("rule", ["gesture", "see", "event_reid"])
def test_every_window_is_drawn_equally_often_and_by_the_seed(rule: str) -> None:
    drawn = np.concatenate([queries(ALL, rule, _rng(seed)) for seed in range(600)])  # type: ignore[arg-type]
    times = np.bincount(drawn, minlength=36)
    np.testing.assert_allclose(times, 100, atol=45)
    again = queries(ALL, rule, _rng(7))  # type: ignore[arg-type]
    np.testing.assert_array_equal(again, queries(ALL, rule, _rng(7)))  # type: ignore[arg-type]


def _brute(windows: WindowSet, query: np.ndarray, rule: str) -> np.ndarray:
    found = np.zeros((len(query), len(windows)), bool)
    for row, q in enumerate(query):
        for n in range(len(windows)):
            same = windows.subject[q] == windows.subject[n]
            out = windows.recording[n] == windows.recording[q]
            if rule == "gesture":
                out |= same and windows.label[q] == windows.label[n]
            elif rule == "event_reid":
                out |= same and windows.condition[q] == windows.condition[n]
            else:
                out |= any(windows.recording[n] == windows.recording[other] for other in query)
            found[row, n] = not out
    return found


@pytest.mark.parametrize("rule", ["gesture", "see", "event_reid"])
def test_the_gallery_is_what_the_protocol_leaves(rule: str) -> None:
    query = queries(ALL, rule, _rng(1))  # type: ignore[arg-type]
    found = allowed(ALL, query, rule)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, _brute(ALL, query, rule))
    assert found.any(axis=1).all()


def test_the_rule_for_gestures_needs_gestures() -> None:
    with pytest.raises(TrainingError, match="rule: needs task labels"):
        queries(window_set([0, 1], [-1, -1], [0, 1]), "gesture", _rng())
