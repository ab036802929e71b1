"""The networks that come along know simulated people only; these two recordings are real."""

from collections import Counter

import pytest

from events.recording import open_recording
from events.window import WindowBuilder
from models.anonymizer import load_anonymizer
from models.classifier import load_classifier
from models.verdict import Anonymized
from tests.shared_data import shared

DRAWS = 8


@pytest.mark.parametrize("name", ["dvs128-wave-a", "dvs128-wave-b"])
def test_a_real_wave_is_still_a_wave_under_the_noise(name: str) -> None:
    recording = open_recording(shared(f"recordings/{name}.aedat4"))
    anonymizer, classifier = load_anonymizer("anonynoise-gesture"), load_classifier("gesture")
    assert recording.sensor
    builder = WindowBuilder(anonymizer.manifest.window_spec(recording.sensor))
    labels: Counter[str] = Counter()
    for packet in recording.packets():
        for window in builder.add(packet):
            # Many draws of few windows: what one draw makes of a window is partly luck.
            for _ in range(DRAWS):
                (covered,) = anonymizer.anonymize(window.tensor[None])
                assert isinstance(covered, Anonymized)
                labels[classifier.classify(covered.tensor).label] += 1
    assert labels.most_common(1)[0][0] == "right_hand_wave", labels
