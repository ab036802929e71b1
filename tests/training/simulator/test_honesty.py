"""That identity does not show in what a linear classifier reads off a window's totals."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.simulator.recordings import record, takes
from training.simulator.scenes import scene_kind

SUBJECTS = 8
WINDOW_US = 400_000


def totals(packet: NDArray[np.void]) -> tuple[float, ...]:
    """Event count, its logarithm, centroid, share of on events."""
    on = (packet["p"] != 0).mean()
    return len(packet), np.log(len(packet)), packet["x"].mean(), packet["y"].mean(), on


def accuracy(
    features: NDArray[np.float64], classes: NDArray[np.int64], train: NDArray[np.bool_]
) -> float:
    """Of linear discriminant analysis, on what it was not fitted to."""
    x, y = features[train], classes[train]
    means = np.stack([x[y == k].mean(0) for k in np.unique(classes)])
    within = np.cov((x - means[y]).T)
    weights = np.linalg.solve(within, means.T)
    scores = features[~train] @ weights - 0.5 * (means.T * weights).sum(0)
    return float((scores.argmax(1) == classes[~train]).mean())


@pytest.mark.parametrize(("scene", "lightings"), [("gesture", ("led",)), ("eye", ("normal",))])
def test_identity_is_no_matter_of_totals(scene: str, lightings: tuple[str, ...]) -> None:
    planned = takes(scene, lightings, seed=11, subjects=SUBJECTS)
    features = np.array([totals(record(take, WINDOW_US)[0]) for take in planned])
    subject = np.array([take.subject for take in planned])
    labels = scene_kind(scene).labels
    label = np.array([labels.index(take.label) for take in planned])
    rates = []
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(labels))
        # Other gestures than those it was fitted to, as re-identification is tested.
        train = order[label] <= len(labels) // 2
        rates.append(accuracy(features, subject, train))
    assert np.mean(rates) < 3 / SUBJECTS


def test_the_classifier_finds_what_is_there() -> None:
    generator = np.random.default_rng(0)
    classes = np.repeat(np.arange(4), 30)
    features = classes[:, None] ** np.array([1, 2]) + generator.normal(0, 0.05, (120, 2))
    assert accuracy(features, classes, generator.random(120) < 0.5) > 0.95
