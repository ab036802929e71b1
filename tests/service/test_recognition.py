"""A camera's labels: smoothed, and begun anew with each segment."""

import numpy as np
import pytest

from models.classifier import load_classifier
from models.errors import ModelError
from service.recognition import Recognition
from tests.service.classifiers import add_classifier

#: Mean squares at which the tiny classifier says "wave" and "drums".
CALM, LOUD = np.zeros((10, 4, 4), np.float16), np.full((10, 4, 4), 10, np.float16)


def recognizing(repository, window_us: int) -> Recognition:
    add_classifier(
        repository, logits=(1.0, 0.0, 0.0), gain=0.1, fewest_events=1000, window_us=window_us
    )
    return Recognition(load_classifier("waving"))


@pytest.fixture
def recognition(repository) -> Recognition:
    return recognizing(repository, 500_000)


def softmax(*logits: float) -> np.ndarray:
    powers = np.exp(logits)
    return powers / powers.sum()


def at(seq: int, segment: int = 1, events: int = 1000) -> dict[str, str]:
    return {"seq": str(seq), "segment": str(segment), "events": str(events)}


def test_the_label_is_of_the_mean_over_three_windows(recognition):
    calm, loud = softmax(1, 0, 0), softmax(1, 0, 10)
    for seq, (tensor, expected) in enumerate(
        [
            (CALM, calm),
            (CALM, calm),
            (LOUD, (2 * calm + loud) / 3),
            (LOUD, (calm + 2 * loud) / 3),
            (LOUD, loud),
        ]
    ):
        seen = recognition.add(at(seq), tensor)
        assert seen.label == ("wave", "clap", "drums")[expected.argmax()]
        assert seen.probability == pytest.approx(expected.max(), abs=1e-4)
        assert (seen.task, seen.seq) == ("gesture", seq)


@pytest.mark.parametrize(
    ("window_us", "windows"), [(100_000, 15), (500_000, 3), (1_000_000, 1), (4_000_000, 1)]
)
def test_it_is_a_second_and_a_half_of_windows_whatever_their_length(repository, window_us, windows):
    recognition = recognizing(repository, window_us)
    for seq in range(20):
        recognition.add(at(seq), LOUD)
    calm, loud = softmax(1, 0, 0), softmax(1, 0, 10)
    for seq in range(windows):
        seen = recognition.add(at(20 + seq), CALM)
        expected = ((seq + 1) * calm + (windows - seq - 1) * loud) / windows
        assert seen.probability == pytest.approx(expected.max(), abs=1e-4)


def test_a_new_segment_forgets_the_last_scene(recognition):
    for seq in range(3):
        recognition.add(at(seq), LOUD)
    assert recognition.add(at(3, segment=2), CALM).label == "wave"


@pytest.mark.parametrize("events", [0, 1, 100])
def test_where_too_little_happens_there_is_no_label_and_the_next_begins_anew(recognition, events):
    for seq in range(3):
        recognition.add(at(seq), LOUD)
    assert recognition.add(at(3, events=events), LOUD) is None
    assert recognition.add(at(4), CALM).label == "wave"


def test_a_window_that_does_not_fit_is_refused_in_one_line(recognition):
    with pytest.raises(ModelError, match="waving"):
        recognition.add(at(0), np.zeros((4, 4, 4)))
