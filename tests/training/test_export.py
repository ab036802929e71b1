import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner, Result

from models.anonymizer import load_anonymizer
from models.classifier import load_classifier
from models.errors import ModelError
from models.gaussian import gaussian
from models.manifest import Manifest, Representation
from models.networks.anonymizer import AnonymizerConfig, AnonymizerNetwork
from models.networks.target import TargetNetwork
from models.repository import ONNX_FILE, Model, load_folder, save
from models.verdict import Anonymized
from training import export as exports
from training.checkpoint import Checkpoint
from training.errors import TrainingError
from training.export_commands import export

LABELS = ("wave", "clap", "drum")
REPRESENTATION = Representation(
    kind="histogram",
    bins=2,
    window_us=100_000,
    height=None,
    width=None,
    channel_order="time,polarity(off,on)",
    dtype="float32",
)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(export, list(map(str, arguments)))


def is_one_line(result: Result) -> bool:
    lines = result.stderr.strip().splitlines()
    return result.exit_code == 1 and len(lines) == 1 and lines[0].startswith("Error: ")


def anonymizer(seed: int = 0, **fields: Any) -> AnonymizerNetwork:
    torch.manual_seed(seed)
    settings = {"channels": 4, "design": "cheap", "width": 8, "min_sigma": 2.0, **fields}
    return AnonymizerNetwork(AnonymizerConfig.from_dict(settings)).eval()


def target(seed: int = 0) -> TargetNetwork:
    torch.manual_seed(seed)
    network = TargetNetwork("small", 4, len(LABELS), tiles=True)
    # Statistics of its own for every batch normalisation.
    network(torch.rand(4, 4, 32, 32))
    return network.eval()


def saved(network: Any, kind: Any, config: dict[str, Any], path: Path, **fields: Any) -> Path:
    Checkpoint(
        kind=kind,
        config=config,
        state=network.state_dict(),
        representation=fields.pop("representation", REPRESENTATION),
        **fields,
    ).save(path)
    return path


def counts(windows: int = 3, height: int = 40, width: int = 33) -> Any:
    generator = np.random.default_rng(windows)
    return generator.poisson(0.3, (windows, 4, height, width)).astype(np.uint16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints ``a.pt`` and ``c.pt``, and the models ``mine`` and ``judge`` made of them."""
    folder = tmp_path_factory.mktemp("export")
    network, judge = anonymizer(), target()
    saved(network, "anonymizer", network.config.to_dict(), folder / "a.pt", metrics={"map": 0.2})
    saved(judge, "target", judge.config, folder / "c.pt", labels=LABELS)
    np.save(folder / "windows.npy", counts(5))
    first = run(
        "anonymizer",
        folder / "a.pt",
        folder / "mine",
        *("--windows", folder / "windows.npy"),
        *("--description", "Synthetic."),
    )
    second = run(
        "classifier",
        folder / "c.pt",
        folder / "judge",
        *("--task", "gesture"),
        *("--anonymizer", folder / "mine"),
        *("--fewest-events", "1000"),
    )
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    assert " MB" in first.stdout
    return folder


@pytest.fixture(scope="module")
def mine(folder: Path) -> Model:
    return load_folder(folder / "mine")


@pytest.fixture(scope="module", params=[{"design": "summary"}, {"design": "codes", "codes": 5}])
def bounded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[AnonymizerNetwork, Model]:
    """An anonymizer whose signal is bounded, and the model made of it."""
    folder = tmp_path_factory.mktemp("bounded")
    network = anonymizer(
        input="events", output="bounded", min_sigma=4.0, energy=400.0, **request.param
    )
    saved(network, "anonymizer", network.config.to_dict(), folder / "a.pt")
    result = run("anonymizer", folder / "a.pt", folder / "mine")
    assert result.exit_code == 0, result.output
    return network, load_folder(folder / "mine")


SHAPES = [(1, 4, 16, 16), (3, 4, 13, 7), (2, 4, 1, 1), (1, 4, 30, 45)]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_model_computes_what_the_network_does(shape: tuple[int, ...], mine: Model) -> None:
    check_same(anonymizer(), mine, shape)


@pytest.mark.parametrize("shape", SHAPES)
def test_so_does_one_whose_signal_is_bounded(
    shape: tuple[int, ...], bounded: tuple[AnonymizerNetwork, Model]
) -> None:
    check_same(*bounded, shape)


@torch.no_grad()
def check_same(network: AnonymizerNetwork, model: Model, shape: tuple[int, ...]) -> None:
    running = onnxruntime.InferenceSession(model.onnx_bytes, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(3)
    events = generator.integers(0, 9, shape).astype(np.float32)
    noise = generator.standard_normal(shape, np.float32)
    (given,) = running.run(["anonymized"], {"events": events, "noise": noise})
    expected = network(torch.from_numpy(events), torch.from_numpy(noise))
    np.testing.assert_allclose(given, expected.numpy(), rtol=1e-4, atol=1e-4)


def test_the_service_loads_it_and_lets_its_windows_pass(folder: Path) -> None:
    loaded = load_anonymizer(folder / "mine", device="cpu", threads=1)
    assert all(isinstance(verdict, Anonymized) for verdict in loaded.anonymize(counts()))


def test_the_manifest_says_where_it_came_from(mine: Model) -> None:
    manifest = mine.manifest
    assert (manifest.name, manifest.profile) == ("mine", "anti-reid")
    assert (manifest.metrics, manifest.description) == ({"map": 0.2}, "Synthetic.")
    assert manifest.representation == REPRESENTATION


def test_the_file_tells_nothing_of_where_it_was_made(mine: Model) -> None:
    for text in (str(Path(__file__).parents[2]), "site-packages", ".py", "torch"):
        assert text.encode() not in mine.onnx_bytes


def test_the_same_network_gives_the_same_bytes(mine: Model, tmp_path: Path) -> None:
    again = exports.export_anonymizer(
        anonymizer(), tmp_path / "mine", representation=REPRESENTATION
    )
    assert again.onnx_bytes == mine.onnx_bytes
    assert again == load_folder(tmp_path / "mine")


@torch.no_grad()
def test_the_classifier_says_what_the_network_does(folder: Path, mine: Model) -> None:
    loaded = load_classifier(folder / "judge", device="cpu", threads=1)
    assert loaded.manifest.fewest_events == 1000
    assert (loaded.manifest.task, loaded.manifest.labels) == ("gesture", LABELS)
    assert loaded.manifest.anonymizer_sha256 == mine.manifest.sha256
    for window in counts(4).astype(np.float32):
        shares = torch.softmax(target()(torch.from_numpy(window)[None])[0], 0)
        prediction = loaded.classify(window)
        np.testing.assert_allclose(
            list(prediction.probabilities.values()), shares.numpy(), atol=1e-5
        )
        assert prediction.label == LABELS[int(shares.argmax())]


def test_a_model_that_computes_something_else_does_not_appear(
    folder: Path, mine: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = (folder / "judge" / ONNX_FILE).read_bytes()
    monkeypatch.setattr(
        exports,
        "onnx_bytes",
        lambda network, *_: {AnonymizerNetwork: mine.onnx_bytes, TargetNetwork: judge}[
            type(network)
        ],
    )
    with pytest.raises(TrainingError, match="mine: ONNX Runtime differs from torch by"):
        exports.export_anonymizer(anonymizer(1), tmp_path / "mine", representation=REPRESENTATION)
    with pytest.raises(TrainingError, match="judge: ONNX Runtime differs from torch by"):
        exports.export_classifier(
            target(1),
            tmp_path / "judge",
            representation=REPRESENTATION,
            task="gesture",
            labels=LABELS,
            anonymizer=mine,
        )
    assert os.listdir(tmp_path) == []


def test_a_model_that_fails_its_self_test_does_not_appear(
    folder: Path, mine: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = (folder / "judge" / ONNX_FILE).read_bytes()

    def fail(_: object) -> None:
        raise ModelError("self-test failed")

    for kind in (exports.Anonymizer, exports.Classifier):
        monkeypatch.setattr(kind, "self_test", fail)
    monkeypatch.setattr(exports, "onnx_bytes", lambda *_: mine.onnx_bytes)
    with pytest.raises(ModelError, match="self-test failed"):
        exports.export_anonymizer(anonymizer(), tmp_path / "mine", representation=REPRESENTATION)
    monkeypatch.setattr(exports, "onnx_bytes", lambda *_: judge)
    with pytest.raises(ModelError, match="self-test failed"):
        exports.export_classifier(
            target(),
            tmp_path / "judge",
            representation=REPRESENTATION,
            task="gesture",
            labels=LABELS,
            anonymizer=mine,
        )
    assert os.listdir(tmp_path) == []


def test_what_is_there_already_is_left_alone(
    mine: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "onnx_bytes", lambda *_: mine.onnx_bytes)
    save(gaussian(4.0, name="mine"), tmp_path / "mine")
    with pytest.raises(ModelError, match="mine: exists already"):
        exports.export_anonymizer(anonymizer(), tmp_path / "mine", representation=REPRESENTATION)
    assert load_folder(tmp_path / "mine").manifest.profile == "gaussian-baseline"


def test_names_that_no_manifest_holds_are_named(
    mine: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "onnx_bytes", lambda *_: mine.onnx_bytes)
    for field, value in (("name", "../up"), ("version", ""), ("metrics", {"map": float("nan")})):
        with pytest.raises(ModelError, match=f": {field}"):
            exports.export_anonymizer(
                anonymizer(),
                tmp_path / "mine",
                representation=REPRESENTATION,
                **{field: value},  # type: ignore[arg-type]
            )
    assert os.listdir(tmp_path) == []


def test_a_classifier_fits_its_anonymizer_and_its_labels(mine: Model, tmp_path: Path) -> None:
    faster = REPRESENTATION.model_copy(update={"window_us": 50_000})
    wider = REPRESENTATION.model_copy(update={"bins": 5})
    for representation, labels, problem in (
        (faster, LABELS, "judge: representation: is not that of mine"),
        (wider, LABELS, "judge: channels: 4 of the network, 10"),
        (REPRESENTATION, LABELS[:2], "judge: labels: 2 for 3 classes"),
    ):
        with pytest.raises(TrainingError, match=problem):
            exports.export_classifier(
                target(),
                tmp_path / "judge",
                representation=representation,
                task="gesture",
                labels=labels,
                anonymizer=mine,
            )


def test_a_bad_checkpoint_is_one_line_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "text.pt").write_text("no checkpoint")
    np.save(tmp_path / "bad.npy", -counts(1).astype(np.float32) - 1)
    with_windows = ("--windows", tmp_path / "bad.npy")
    for arguments in (
        ("anonymizer", tmp_path / "missing.pt", out),
        ("anonymizer", tmp_path / "text.pt", out),
        ("anonymizer", folder / "c.pt", out),
        ("anonymizer", folder / "a.pt", out, *with_windows),
        ("classifier", folder / "a.pt", out, "--task", "gesture", "--anonymizer", "gaussian-4"),
        ("classifier", folder / "c.pt", out, "--task", "gesture", "--anonymizer", "gaussian-4"),
        ("classifier", folder / "c.pt", out, "--task", "gesture", "--anonymizer", "nobody"),
    ):
        result = run(*arguments)
        assert is_one_line(result), result.output
    assert not out.exists()


@pytest.mark.parametrize("command", [[], ["gaussian"], ["anonymizer"], ["classifier"]])
def test_every_help_has_an_example(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert " ".join(["Example: anonynoise export", *command]) in " ".join(result.stdout.split())


def test_gaussian_is_exported(tmp_path: Path) -> None:
    result = run("gaussian", tmp_path / "mine", "--std", 8, "--bins", 3)
    assert result.exit_code == 0
    manifest = Manifest.model_validate_json((tmp_path / "mine" / "manifest.json").read_bytes())
    assert (manifest.name, manifest.channels) == ("mine", 6)
    assert manifest.sha256 in result.stdout
    load_anonymizer(tmp_path / "mine", device="cpu")


def test_a_bad_gaussian_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    assert is_one_line(run("gaussian", tmp_path / "mine", "--std", 0))
    assert is_one_line(run("gaussian", tmp_path / "mine", "--name", "../up"))
    assert is_one_line(run("gaussian", tmp_path / "mine", "--bins", 1000))
    assert list(tmp_path.iterdir()) == []
    assert run("gaussian", tmp_path / "mine").exit_code == 0
    assert is_one_line(run("gaussian", tmp_path / "mine"))


def test_gaussian_needs_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "training.export", "training.checkpoint"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    assert run("gaussian", tmp_path / "mine").exit_code == 0
    result = run("anonymizer", tmp_path / "a.pt", tmp_path / "out")
    assert is_one_line(result)
    assert "anonynoise-edge[train]" in result.stderr
