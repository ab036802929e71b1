import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.anonymizer import Anonymizer
from models.repository import Model, Repository, save
from tests.models.onnx_models import classifying, constant, node, onnx_bytes, trusted
from tests.training.audit.people import case, people
from tests.training.tiny import tiny_config
from training.audit.audit import Settings, audit
from training.audit.configuration import configured
from training.audit.deployed import Deployed
from training.audit.policy import Policy
from training.audit.usefulness import check_task, shipped
from training.datasets.window_set import Dataset
from training.errors import TrainingError

# As many channels as the classifiers here read.
CHANNELS = 4
LABELS = ("wave", "clap")


@pytest.fixture(scope="module")
def attacked() -> Model:
    """Hides nothing, so that it is known what a classifier says of its output."""
    nodes = [
        node("Mul", ["events", "twice"], ["louder"]),
        node("Mul", ["noise", "little"], ["whisper"]),
        node("Add", ["louder", "whisper"], ["anonymized"]),
    ]
    constants = [constant("twice", 2.0), constant("little", 0.1)]
    return trusted(
        onnx_bytes(nodes, constants), self_test={"min_rms_change": 0.01, "max_unchanged": 0.9}
    )


def shown(labels: tuple[str, ...] = LABELS) -> Dataset:
    """The channel that is loudest is the label's."""
    crowd = people(labels=2)
    counts = np.zeros((len(crowd.test), CHANNELS, 6, 5), np.uint8)
    counts[np.arange(len(counts)), crowd.test.label] = 9
    test = dataclasses.replace(crowd.test, windows=counts)
    return dataclasses.replace(crowd, labels=labels, test=test)


def repository(folder: Path, attacked: Model, **changes: Any) -> Repository:
    fields = {"anonymizer_sha256": attacked.manifest.sha256} | changes
    save(classifying(**fields), folder / "judge")
    return Repository(folder)


def accuracies(attacked: Model, dataset: Dataset, kept: Repository, folder: Path) -> list[float]:
    cover = Deployed(Anonymizer(attacked, device="cpu", threads=1))
    measured = shipped(case(cover, folder, dataset), kept)
    return [float(np.mean(one.scores.correct)) for one in measured]


def test_a_classifier_is_measured_on_fewer_labels_than_it_knows(attacked, tmp_path) -> None:
    kept = repository(tmp_path / "models", attacked)
    assert accuracies(attacked, shown(), kept, tmp_path) == [1.0]
    # All that is shown as a clap looks like a wave, and the other way round.
    assert accuracies(attacked, shown(LABELS[::-1]), kept, tmp_path) == [0.0]
    # What is shown as "other" is taken for a clap, of which nothing is shown.
    assert accuracies(attacked, shown(("wave", "other")), kept, tmp_path) == [0.5]


@pytest.mark.parametrize("labels", [(), ("wave", "sneeze")])
def test_a_classifier_is_not_measured_on_what_it_does_not_know(attacked, tmp_path, labels) -> None:
    kept = repository(tmp_path / "models", attacked)
    assert accuracies(attacked, shown(labels), kept, tmp_path) == []


def test_a_classifier_of_another_model_is_not_measured(attacked, tmp_path) -> None:
    kept = repository(tmp_path / "models", attacked, anonymizer_sha256="b" * 64)
    assert accuracies(attacked, shown(), kept, tmp_path) == []


def test_people_who_show_another_task_are_not_attacked(attacked, tmp_path) -> None:
    """A model of gestures that hides who blinks would be a comfort to nobody."""
    kept = repository(tmp_path / "models", attacked)
    check_task(attacked.manifest, shown(("wave", "sneeze")), kept)
    check_task(attacked.manifest, shown(()), kept)
    check_task(attacked.manifest, shown(("blink", "sneeze")), Repository(tmp_path))
    settings = Settings(
        suite="quick",
        policy=Policy(),
        config=configured(tiny_config(), attacked.manifest.representation),
        work=tmp_path / "work",
        weights=None,
        seed=0,
        budget_s=60.0,
        command="anonynoise audit",
    )
    with pytest.raises(TrainingError, match=r"simulated: label: blink, sneeze: .* made for judge"):
        audit(attacked, shown(("blink", "sneeze")), True, settings, repository=kept)
