"""Which classifier is used for which model's windows."""

import pytest

from models.errors import ModelError
from models.repository import Repository
from service.classifiers import fitting, load_fitting, why_unreadable
from tests.service.classifiers import add_classifier


@pytest.fixture
def anonymizer(repository):
    return Repository().load("gaussian-4").manifest


def test_a_task_finds_the_classifier_that_was_made_for_the_model(repository, anonymizer):
    add_classifier(repository, "a", model="gaussian-16")
    add_classifier(repository, "c", task="emotion")
    add_classifier(repository, "d")
    add_classifier(repository, "e", window_us=500_000)
    assert load_fitting(["gesture"], anonymizer).manifest.name == "d"
    assert [each.name for each in fitting(anonymizer, Repository())] == ["c", "d"]


def test_the_first_that_fits_is_loaded(repository, anonymizer):
    add_classifier(repository, "other", model="gaussian-16")
    folder = add_classifier(repository.parent / "elsewhere", "mine")
    add_classifier(repository, "smile", task="emotion")
    for wanted, name in (
        (["other", "emotion"], "smile"),
        (["smile"], "smile"),
        ([str(folder), "smile"], "mine"),
        (["gesture", "emotion"], "smile"),
    ):
        assert load_fitting(wanted, anonymizer).manifest.name == name


@pytest.mark.parametrize(
    ("representation", "says"),
    [
        ({"window_us": 500_000}, "window_us 500000, not 100000"),
        ({"kind": "voxel_grid"}, "kind voxel_grid, not histogram"),
        ({"scaling": 2.0}, "scaling 2.0, not 1.0"),
        ({"bins": 4}, "bins 4, not 5"),
    ],
)
def test_windows_it_would_misread_are_refused(repository, anonymizer, representation, says):
    add_classifier(repository, "odd", **representation)
    with pytest.raises(ModelError) as error:
        load_fitting(["gesture"], anonymizer)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_one_sensor_is_not_another(repository, anonymizer):
    add_classifier(repository, height=128, width=128)
    classifier = Repository().classifiers()[0]
    assert why_unreadable(classifier, anonymizer) is None
    square, wide = (
        anonymizer.model_copy(
            update={
                "representation": anonymizer.representation.model_copy(
                    update={"height": 128, "width": width}
                )
            }
        )
        for width in (128, 256)
    )
    assert why_unreadable(classifier, square) is None
    assert why_unreadable(classifier, wide) == "takes 128x128, not 256x128"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("gesture", "gesture: no classifier for the model"),
        ("other", "other: was trained on another model's output than that of gaussian-4"),
        ("kissing", "kissing: no classifier for the model"),
        ("gaussian-4", "gaussian-4"),
        ("/no/such/folder", "/no/such/folder"),
    ],
)
def test_none_that_fits_is_one_line(repository, anonymizer, wanted, says):
    add_classifier(repository, "other", model="gaussian-16")
    with pytest.raises(ModelError) as error:
        load_fitting([wanted], anonymizer)
    assert says in str(error.value)
