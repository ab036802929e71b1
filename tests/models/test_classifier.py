from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from models.classifier import Classifier, find_classifier, load_classifier
from models.classifier_manifest import ClassifierManifest
from models.errors import ModelError
from models.repository import ClassifierModel, Repository, save
from tests.models.onnx_models import classifier_fields, classifying, constant, node, onnx_bytes


def opened(model: ClassifierModel) -> Classifier:
    return Classifier(model, device="cpu", threads=1)


def window(*means: float, dtype: Any = np.float32) -> Any:
    return np.stack([np.full((6, 5), mean) for mean in means]).astype(dtype)


def graph(**changes: Any) -> bytes:
    """The mean of each channel, with ``changes`` to the graph around it."""
    mean = node("ReduceMean", ["anonymized"], ["logits"], axes=[2, 3], keepdims=0)
    fields: dict[str, Any] = {
        "inputs": ("anonymized",),
        "output": "logits",
        "output_shape": ("n", 4),
    }
    return onnx_bytes([mean], **(fields | changes))


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_likeliest_label_and_the_share_of_each(dtype: Any) -> None:
    means = (0.5, -2.0, 3.0, 1.0)
    prediction = opened(classifying()).classify(window(*means, dtype=dtype))
    assert prediction.label == "drum"
    np.testing.assert_allclose(list(prediction.probabilities.values()), softmax(means), rtol=1e-5)
    assert prediction.probability == prediction.probabilities["drum"]
    assert list(prediction.probabilities) == ["wave", "clap", "drum", "other"]


def test_large_logits_are_still_shares() -> None:
    prediction = opened(classifying()).classify(window(65504, -65504, 0, 65503))
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.label == "wave"


@pytest.mark.parametrize(
    "tensor",
    [
        np.zeros((1, 4, 6, 5), np.float32),
        np.zeros((3, 6, 5), np.float32),
        np.zeros((4, 0, 5), np.float32),
        np.zeros((4, 6, 5), np.float64),
        np.zeros((4, 6, 5), np.uint16),
    ],
    ids=lambda tensor: f"{tensor.dtype} {tensor.shape}",
)
def test_another_shape_or_type_is_refused(tensor: Any) -> None:
    with pytest.raises(ModelError, match=r"judge: takes float32 or float16 \[4, H, W\], not"):
        opened(classifying()).classify(tensor)


def test_a_fixed_size_is_kept() -> None:
    size = classifier_fields()["representation"] | {"height": 6, "width": 5}
    classifier = opened(classifying(representation=size))
    classifier.self_test()
    classifier.classify(window(0, 1, 2, 3))
    with pytest.raises(ModelError, match=r"\[4, 6, 5\], not"):
        classifier.classify(np.zeros((4, 5, 6), np.float32))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (graph(input_shape=("n", 6, "h", "w")), r"anonymized is .*6.*, not \[N, 4, H, W\]"),
        (graph(inputs=("anonymized", "noise")), "takes .*noise"),
        (b"\xff", "no ONNX file"),
        (
            onnx_bytes(
                [node("RandomNormal", [], ["logits"], shape=[1, 4])],
                inputs=("anonymized",),
                output="logits",
                output_shape=("n", 4),
            ),
            "draws random numbers",
        ),
    ],
)
def test_a_graph_that_breaks_the_contract_is_refused(data: bytes, problem: str) -> None:
    with pytest.raises(ModelError, match=f"judge: .*{problem}"):
        opened(classifying(data))


def test_as_many_logits_as_labels() -> None:
    with pytest.raises(ModelError, match=r"judge: logits is .*4.*, not \[N, 2\] as the manifest"):
        opened(classifying(labels=["wave", "clap"]))


def test_a_model_without_finite_answers_fails_its_self_test(tmp_path: Path) -> None:
    zero = [
        node("ReduceMean", ["anonymized"], ["mean"], axes=[2, 3], keepdims=0),
        node("Div", ["mean", "zero"], ["logits"]),
    ]
    data = onnx_bytes(
        zero,
        [constant("zero", 0)],
        inputs=("anonymized",),
        output="logits",
        output_shape=("n", 4),
    )
    save(classifying(data), tmp_path / "judge")
    with pytest.raises(ModelError, match="judge: gave no finite number for every label"):
        load_classifier(tmp_path / "judge", device="cpu")


def test_the_classifier_of_an_anonymizer_is_found(tmp_path: Path) -> None:
    for name, sha in (("judge", "a" * 64), ("judge-b", "b" * 64)):
        save(classifying(name=name, anonymizer_sha256=sha), tmp_path / name)
    repository = Repository(tmp_path)
    found = find_classifier("gesture", "b" * 64, device="cpu", repository=repository)
    assert (found.manifest.name, found.provider) == ("judge-b", "CPUExecutionProvider")
    with pytest.raises(ModelError, match=r"gesture: no classifier .*cccc.* judge, judge-b\)"):
        find_classifier("gesture", "c" * 64, repository=repository)
    with pytest.raises(ModelError, match=r"emotion: no classifier .*none"):
        find_classifier("emotion", "a" * 64, repository=repository)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "anonymizer"}, "kind"),
        ({"labels": ["one"]}, "labels"),
        ({"labels": ["one", "two\n"]}, "labels.1"),
        ({"labels": ["one", "one"]}, "two labels are the same"),
        ({"fewest_events": -1}, "fewest_events"),
        ({"fewest_events": 5000}, "fewest_events: no power of a thousand"),
        ({"task": "../up"}, "task"),
        ({"anonymizer_sha256": "short"}, "anonymizer_sha256"),
        ({"noise": {}}, "noise"),
    ],
)
def test_a_wrong_manifest_is_one_line(tmp_path: Path, changes: Any, field: str) -> None:
    save(classifying(), tmp_path / "judge")
    fields = classifier_fields(**changes)
    path = tmp_path / "judge" / "manifest.json"
    path.write_text(str(fields).replace("'", '"').replace("None", "null"))
    with pytest.raises(ModelError, match=rf"judge/manifest.json: .*{field}") as caught:
        load_classifier(tmp_path / "judge")
    assert str(caught.value).isprintable()


def test_a_manifest_survives_its_own_json() -> None:
    manifest = classifying(metrics={"accuracy": 0.9}).manifest
    assert ClassifierManifest.model_validate_json(manifest.to_json()) == manifest
