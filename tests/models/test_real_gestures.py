"""The networks that come along know simulated people only; these recordings are real."""

from collections import Counter

import pytest

from events.recording import open_recording
from events.window import WindowBuilder
from models.anonymizer import load_anonymizer
from models.classifier import load_classifier
from models.verdict import Anonymized
from tests.shared_data import shared

DRAWS = 8


def labels(name: str) -> Counter[str]:
    """What the windows of a recording are taken for, each under several draws."""
    recording = open_recording(shared(f"recordings/{name}.aedat4"))
    anonymizer, classifier = load_anonymizer("anonynoise-gesture"), load_classifier("gesture")
    assert recording.sensor
    builder = WindowBuilder(anonymizer.manifest.window_spec(recording.sensor))
    found: Counter[str] = Counter()
    for packet in recording.packets():
        for window in builder.add(packet):
            # Many draws of few windows: what one draw makes of a window is partly luck.
            for _ in range(DRAWS):
                (covered,) = anonymizer.anonymize(window.tensor[None])
                assert isinstance(covered, Anonymized)
                found[classifier.classify(covered.tensor).label] += 1
    return found


@pytest.mark.parametrize("name", ["dvs128-wave-a", "dvs128-wave-b", "dvs128-hand-short"])
def test_a_real_wave_is_still_a_wave_under_the_noise(name: str) -> None:
    found = labels(name)
    # Of the one take the networks take the hand for the other: the README says so.
    waving = found["right_hand_wave"] + found["left_hand_wave"]
    assert waving > 0.5 * found.total(), found


def test_of_real_waves_most_are_of_the_right_hand() -> None:
    found = labels("dvs128-wave-a") + labels("dvs128-wave-b") + labels("dvs128-hand-short")
    assert found["right_hand_wave"] > 0.5 * found.total(), found
