"""What is left of the task: of shipped classifiers, and of one trained for the audit alone."""

from collections.abc import Iterator

import numpy as np
import torch

from models.classifier import Classifier
from models.repository import Repository
from training.audit.case import Case
from training.audit.deployed import Deployed
from training.audit.findings import Accuracy
from training.config import FitPart
from training.evaluate import TargetScores
from training.stages.cover import Cover, Raw
from training.stages.recogniser import scaled

#: Windows in work at a time.
_BATCH = 64


def shipped(case: Case, repository: Repository) -> Iterator[Accuracy]:
    """Every classifier in ``repository`` that was made for the model, on the test windows."""
    assert isinstance(case.cover, Deployed)
    wanted = case.cover.anonymizer.manifest.sha256
    for manifest in repository.classifiers():
        if manifest.anonymizer_sha256 != wanted or sorted(manifest.labels) != sorted(
            case.dataset.labels
        ):
            continue
        classifier = Classifier(repository.load_classifier(manifest.name), device="auto")
        yield Accuracy(
            consumer=manifest.name,
            task=manifest.task,
            scores=_right(classifier, case),
        )


def _right(classifier: Classifier, case: Case) -> TargetScores:
    test = case.dataset.test
    place = {name: number for number, name in enumerate(case.dataset.labels)}
    correct: list[bool] = []
    for start in range(0, len(test), _BATCH):
        counts = torch.from_numpy(np.array(test.windows[start : start + _BATCH]))
        published = case.cover(scaled(counts, case.config)).numpy()
        for window, label in zip(published, test.label[start : start + _BATCH], strict=True):
            correct.append(place[classifier.classify(window).label] == int(label))
    return TargetScores(subject=tuple(test.subject.tolist()), correct=tuple(correct))


def retrained(case: Case, cover: Cover, stage: str, fit: FitPart) -> TargetScores:
    """A target network trained on what ``cover`` makes of the training windows.

    It starts from what it knows of raw windows, as the attacker does.
    """
    start = None
    if not isinstance(cover, Raw):
        retrained(case, Raw(), "raw/target", case.raw_fit())
        start = case.run.folder / "raw/target/target.pt"
    scores = case.run.recognised(stage, "target", cover, start, fit)
    assert isinstance(scores, TargetScores)
    return scores
