"""What is left of the task: of shipped classifiers, and of one trained for the audit alone."""

from collections.abc import Iterator

import numpy as np
import torch

from models.classifier import Classifier
from models.classifier_manifest import ClassifierManifest
from models.manifest import Manifest
from models.repository import Repository
from training.audit.case import Case
from training.audit.deployed import Deployed
from training.audit.findings import Accuracy
from training.config import FitPart
from training.datasets.window_set import Dataset
from training.errors import TrainingError
from training.evaluate import TargetScores
from training.stages.cover import Cover, Raw
from training.stages.recogniser import scaled

#: Windows in work at a time.
_BATCH = 64


def check_task(model: Manifest, dataset: Dataset, repository: Repository) -> None:
    """Raise :class:`TrainingError` if ``dataset`` shows another task than ``model`` is made for.

    A model of gestures that hides who blinks would be a comfort to nobody.
    """
    made = _made_for(model, repository)
    strange = all(set(one.labels).isdisjoint(dataset.labels) for one in made)
    if made and dataset.labels and strange:
        raise TrainingError(
            f"{', '.join(dataset.labels)}: {model.name} is made for {made[0].name}",
            source=dataset.name,
            field="label",
        )


def _made_for(model: Manifest, repository: Repository) -> list[ClassifierManifest]:
    return [one for one in repository.classifiers() if one.anonymizer_sha256 == model.sha256]


def shipped(case: Case, repository: Repository) -> Iterator[Accuracy]:
    """Every classifier in ``repository`` that was made for the model, on the test windows.

    It may know more labels than are shown, and is wrong where it sees one of those.
    """
    assert isinstance(case.cover, Deployed)
    shown = set(case.dataset.labels)
    for manifest in _made_for(case.cover.anonymizer.manifest, repository):
        if not shown or not shown <= set(manifest.labels):
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
            correct.append(place.get(classifier.classify(window).label) == int(label))
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
