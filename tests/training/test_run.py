"""One seed's stages, and the tables made of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models.errors import ModelError
from models.networks.anonymizer import AnonymizerNetwork
from models.networks.designs import CodesBody, SummaryBody
from models.networks.target import TargetNetwork
from tests.training.tiny import tiny_config, tiny_dataset
from training import run as runs
from training.checkpoint import load_checkpoint
from training.errors import TrainingError
from training.experiments import measure
from training.results import SeedResult
from training.run import Run

DATASET = tiny_dataset()
Go = Callable[..., SeedResult]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where table 1 ran."""
    path = tmp_path_factory.mktemp("run")
    measure("table1", tiny_config(), DATASET, path, 0, "test")
    return path


def keys(result: SeedResult) -> list[tuple[str, str]]:
    return [(row.input, row.stage) for row in result.rows]


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(*_: object, **__: object) -> float:
        raise AssertionError("trained again")

    monkeypatch.setattr(runs, "fit", trained)


def test_table1_has_its_rows_and_is_not_done_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch)
    result = measure("table1", tiny_config(), DATASET, folder, 0, "test")
    assert keys(result) == [
        ("raw", "pre-training"),
        ("gaussian-16", "post-training"),
        ("anonynoise", "post-training"),
    ]
    assert all(row.target is not None and row.reid is not None for row in result.rows)
    assert result.duration_s > 0
    assert result.synthetic
    assert result.dataset["test"] == {"subjects": 2, "recordings": 24, "windows": 24}


def test_only_what_is_new_is_trained(folder: Path) -> None:
    again = measure("table1", tiny_config("gaussian=[16, 64]"), DATASET, folder, 0, "test")
    assert ("gaussian-64", "post-training") in keys(again)


def test_other_settings_in_the_same_folder_are_refused(folder: Path) -> None:
    with pytest.raises(TrainingError, match=r"pretrain/target: fit\.epochs: differs"):
        measure("table1", tiny_config("pretrain.epochs=2"), DATASET, folder, 0, "test")


def test_one_person_to_test_on_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="simulated: test split: has one person, two are"):
        measure("table1", tiny_config(), tiny_dataset(tests=1), tmp_path, 0, "test")
    assert not list(tmp_path.iterdir())


def test_another_data_set_in_the_same_folder_is_refused(folder: Path) -> None:
    with pytest.raises(TrainingError, match=r"pretrain/target: data\.digest: differs"):
        measure("table1", tiny_config(), tiny_dataset(subjects=7), folder, 0, "test")


def test_the_networks_are_there_with_what_they_were_made_of(folder: Path) -> None:
    seed = folder / "seed-0"
    anonymizer = load_checkpoint(seed / "pipeline" / "anonymizer.pt", "anonymizer")
    assert anonymizer.config["channels"] == 10
    target = load_checkpoint(seed / "anonynoise" / "target" / "target.pt", "target")
    assert target.labels == DATASET.labels
    assert target.trained_on["seed"] == 0
    assert target.trained_on["cover"]["name"] == "anonynoise"
    assert set(target.metrics) == {"target_acc"}
    reid = load_checkpoint(seed / "anonynoise" / "reid-pretrained" / "reid.pt", "reid")
    assert reid.labels == ()
    assert not list(folder.rglob("*.ckpt"))


def test_ablation_and_inversion_go_on_from_what_is_there(folder: Path) -> None:
    config = tiny_config(
        "attack.starts=[pretrained, scratch]",
        "ablation=[{design: cheap, input: events, output: add}]",
    )
    ablation = measure("ablation", config, DATASET, folder, 0, "test")
    assert keys(ablation) == [
        ("raw", "pre-training"),
        ("cheap: events to add", "post-training"),
        ("cheap: events to add", "post-training, attacker from scratch"),
    ]
    config = tiny_config("gaussian=[]", "networks.denoiser_depth=3", "networks.denoiser_width=6")
    inversion = measure("inversion", config, DATASET, folder, 0, "test")
    assert keys(inversion)[-2:] == [
        ("anonynoise", "post-training"),
        ("anonynoise", "inversion"),
    ]
    attacker = folder / "seed-0" / "inversion" / "anonynoise" / "reid-pretrained"
    assert load_checkpoint(attacker / "denoiser.pt", "denoiser").config["depth"] == 3


def test_generalization_needs_no_task(folder: Path, tmp_path: Path) -> None:
    people = tiny_dataset(labels=0, name="event_reid")
    config = tiny_config("dataset.name=event_reid", "dataset.rule=event_reid")
    anonymizer = folder / "seed-0" / "pipeline" / "anonymizer.pt"
    result = measure("generalization", config, people, tmp_path, 0, "test", anonymizer)
    assert keys(result) == [("raw", "pre-training"), ("anonynoise", "post-training")]
    assert all(row.target is None and row.reid is not None for row in result.rows)
    assert not result.synthetic


def test_an_anonymizer_that_is_none_is_one_line(folder: Path, tmp_path: Path) -> None:
    people = tiny_dataset(labels=0, name="event_reid")
    config = tiny_config("dataset.name=event_reid", "dataset.rule=event_reid")
    wrong = folder / "seed-0" / "pipeline" / "reid.pt"
    with pytest.raises(TrainingError, match=r"reid\.pt: kind: is no anonymizer network"):
        measure("generalization", config, people, tmp_path, 0, "test", wrong)


def test_a_pipeline_without_a_task_is_one_line(tmp_path: Path) -> None:
    people = tiny_dataset(labels=0, name="event_reid")
    with pytest.raises(TrainingError, match="event_reid: has no task"):
        Run(tmp_path, tiny_config("dataset.rule=event_reid"), people, 0).pipeline()


def test_imagenet_weights_of_nothing_are_one_line(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(1)}, tmp_path / "imagenet.pth")
    config = tiny_config(f"networks.imagenet={tmp_path / 'imagenet.pth'}")
    with pytest.raises(ModelError, match=r"imagenet\.pth"):
        Run(tmp_path / "run", config, DATASET, 0).pretrained("reid")


def test_a_run_repeats_itself_by_its_seed(folder: Path, tmp_path: Path) -> None:
    def weights(path: Path) -> list[torch.Tensor]:
        return list(load_checkpoint(path).state.values())

    again = Run(tmp_path, tiny_config(), DATASET, 0).pretrained("target")
    first = weights(folder / "seed-0" / "pretrain" / "target" / "target.pt")
    assert all(map(torch.equal, weights(again), first))
    other = Run(tmp_path, tiny_config(), DATASET, 1).pretrained("target")
    assert not all(map(torch.equal, weights(other), first))


def test_a_summary_begins_with_what_the_target_network_knows(tmp_path: Path) -> None:
    summary = "{design: summary, input: events, output: bounded, min_sigma: 1, energy: 50}"
    config = tiny_config(
        f"networks.anonymizer={summary}",
        "networks.arch=small",
        "pipeline.epochs=1",
        "pipeline.anonymizer_rate=1e-9",
        "pipeline.spread_weight=0.5",
    )
    run = Run(tmp_path, config, DATASET, 0)
    anonymizer = load_checkpoint(run.pipeline(), "anonymizer").network()
    target = load_checkpoint(run.pretrained("target"), "target").network()
    assert isinstance(anonymizer, AnonymizerNetwork)
    assert isinstance(anonymizer.body, SummaryBody)
    assert isinstance(target, TargetNetwork)
    torch.testing.assert_close(
        anonymizer.body.backbone.state_dict(), target.backbone.state_dict(), atol=1e-5, rtol=0
    )


def test_codes_are_as_many_as_labels_and_begin_with_what_the_target_network_knows(
    tmp_path: Path,
) -> None:
    codes = "{design: codes, input: events, output: bounded, min_sigma: 1, energy: 50}"
    config = tiny_config(
        f"networks.anonymizer={codes}",
        "networks.arch=small",
        "pipeline.epochs=1",
        "pipeline.anonymizer_rate=1e-9",
    )
    run = Run(tmp_path, config, DATASET, 0)
    anonymizer = load_checkpoint(run.pipeline(), "anonymizer").network()
    target = load_checkpoint(run.pretrained("target"), "target").network()
    assert isinstance(anonymizer, AnonymizerNetwork)
    assert isinstance(anonymizer.body, CodesBody)
    assert anonymizer.config.codes == len(DATASET.labels)
    torch.testing.assert_close(
        anonymizer.body.recogniser.state_dict(), target.state_dict(), atol=1e-5, rtol=0
    )
