"""Configurations."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.config import NAMES, Config, load_config
from training.errors import TrainingError


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_that_comes_along_is_valid_and_reads_back(
    name: str, tmp_path: Path
) -> None:
    config = load_config(name)
    assert config.name == name
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert load_config(str(tmp_path / "config.yaml")) == config


def test_paper_has_the_published_settings() -> None:
    config = load_config("paper")
    assert config.networks.arch == "resnet50"
    assert config.networks.anonymizer.design == "paper"
    assert (config.networks.anonymizer.input, config.networks.anonymizer.output) == (
        "events,noise",
        "scale",
    )
    assert config.networks.anonymizer.min_sigma == 0
    assert (config.pretrain.epochs, config.pipeline.epochs, config.posttrain.epochs) == (
        200,
        300,
        200,
    )
    assert config.pretrain.learning_rate == config.posttrain.learning_rate == 1e-4
    assert config.pipeline.anonymizer_rate == 5e-4
    assert config.pipeline.recogniser_rate == 1e-3
    assert config.pipeline.halve_every == 100
    assert config.pipeline.cap is None
    assert config.batch.size == 32
    assert config.gaussian == (32, 64, 128, 256)
    assert config.dataset.window == "whole"
    assert len(config.ablation) == 5


def test_overrides_reach_every_depth_and_kind_of_value() -> None:
    config = load_config(
        "small",
        [
            "pipeline.epochs=3",
            "pretrain.learning_rate=2e-5",
            "gaussian=[1, 2.5]",
            "networks.anonymizer.width=24",
            "batch.windows_per_epoch=null",
        ],
    )
    assert config.pipeline.epochs == 3
    assert config.pretrain.learning_rate == 2e-5
    assert config.gaussian == (1, 2.5)
    assert config.networks.anonymizer.width == 24
    assert config.batch.windows_per_epoch is None


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ("pipeline.epoch=3", "pipeline.epoch"),
        ("nonsense=1", "nonsense"),
        ("pipeline.epochs=three", "pipeline.epochs"),
        ("pipeline.epochs=0", "pipeline.epochs"),
        ("pretrain.learning_rate=.nan", "pretrain.learning_rate"),
        ("batch.identities=7", "batch"),
        ("attack.starts=[]", "attack"),
        ("networks.anonymizer.width=lots", "networks.anonymizer.width"),
        ("representation.bins=4", "networks.anonymizer.channels"),
        ("name.part=1", "name"),
        ("pipeline.epochs", "pipeline.epochs"),
        ("pipeline.epochs=[", "pipeline.epochs"),
    ],
)
def test_a_wrong_override_is_one_line_that_names_it(override: str, field: str) -> None:
    with pytest.raises(TrainingError) as caught:
        load_config("small", [override])
    assert field in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", "a: [", "name: x", "{a: &a [*a]}", "d: 2020-01-01"])
def test_a_wrong_file_is_one_line_that_names_it(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(TrainingError, match=r"mine\.yaml") as caught:
        load_config(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_which_names_there_are() -> None:
    with pytest.raises(TrainingError, match=r"smal: .*paper, small, smoke"):
        load_config("smal")


@given(st.binary(max_size=60))
def test_no_file_makes_anything_but_a_configuration_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("config") / "any.yaml"
    path.write_bytes(data)
    try:
        assert isinstance(load_config(str(path)), Config)
    except TrainingError as error:
        assert "\n" not in str(error)
