"""The Gaussian noise that is as useful as the model, in numbers and in words."""

import pytest

from tests.training.audit.reports import empty_report, figure, report
from training.audit.equal_utility import Noise, as_useful, compared
from training.audit.report import Report, Utility

BASELINES = report().baselines


def read(accuracy: float, **changes: object) -> Report:
    """An audit in which a recogniser trained for it gets ``accuracy`` percent right."""
    own = Utility(consumer="retrained", task="gesture", accuracy=figure(accuracy), chance=9.1)
    return report(utility=(own,), **changes)


@pytest.mark.parametrize(
    ("accuracy", "std", "top1"),
    [
        (97.7, 0, 83.3),
        (96.7, 1, 87.6),
        # Half way from 4 to 16 counts.
        (82.7, 10, 45.65),
        (45.4, 40, 22.0),
    ],
)
def test_between_what_was_measured_lines_are_straight(accuracy, std, top1):
    assert as_useful(BASELINES, accuracy) == Noise(pytest.approx(std), pytest.approx(top1))


@pytest.mark.parametrize("accuracy", [97.8, 100.0, 20.0, 0.0])
def test_beyond_them_there_is_none(accuracy):
    assert as_useful(BASELINES, accuracy) is None


def test_where_several_are_as_useful_the_most_noise_is_taken():
    # More noise was less useful, by chance, and then useful again.
    accuracies = (90.0, 60.0, 80.0, 20.0)
    bumpy = [
        one.model_copy(update={"accuracy": figure(accuracy)})
        for one, accuracy in zip(BASELINES[1:], accuracies, strict=True)
    ]
    found = as_useful(bumpy, 70.0)
    assert found is not None and 16 < found.std < 64


def test_people_read_what_it_would_hide():
    said = compared(read(82.7))
    assert said == (
        "A recogniser trained on what the model publishes gets 82.7 % right. Gaussian noise of "
        "about 10 counts leaves as much: under it retrain-residual-warm finds about 45.7 % of "
        "people in single windows, and 8.2 % under the model."
    )
    unattacked = compared(read(82.7, attacks=()))
    assert unattacked is not None and unattacked.endswith("45.7 % of people in single windows.")


def test_a_model_more_useful_than_any_noise_says_so():
    said = compared(read(99.0))
    assert said is not None and said.endswith("No noise leaves as much: at most 97.7 % (raw).")


def test_a_model_less_useful_than_the_most_noise_says_so():
    said = compared(read(15.0))
    assert said is not None
    assert "The most noise that was tried, gaussian-64, leaves more, 20.0 %: under it" in said
    assert "finds 17.9 % of people in single windows, and 8.2 % under the model." in said


@pytest.mark.parametrize(
    "told", [empty_report(), report(utility=()), report(baselines=BASELINES[:1])]
)
def test_where_nothing_can_be_compared_nothing_is_said(told):
    assert compared(told) is None
