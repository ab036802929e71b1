import errno
import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import ModelError
from models.repository import (
    DEFAULT_MODEL,
    PACKAGED_ROOT,
    ROOT_VARIABLE,
    Model,
    Repository,
    reference,
    save,
)
from tests.models.onnx_models import classifying, noisy

LEARNED = ("anonynoise-eye", "anonynoise-gesture")
BASELINES = ("gaussian-1", "gaussian-16", "gaussian-32", "gaussian-4")
CLASSIFIERS = ("emotion", "gesture")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository of one model, ``sample``."""
    save(noisy(), tmp_path / "models" / "sample")
    return tmp_path / "models"


def test_the_package_ships_models_that_verify() -> None:
    repository = Repository()
    assert repository.list() == tuple(sorted(LEARNED + BASELINES + CLASSIFIERS))
    assert set(repository.verify().values()) == {None}
    assert repository.load("default").manifest.name == repository.load().manifest.name
    assert repository.load().manifest.name == DEFAULT_MODEL == "anonynoise-gesture"


def test_the_shipped_baselines_claim_nothing() -> None:
    for name in BASELINES:
        manifest = Repository().load(name).manifest
        assert (manifest.trained_on, manifest.metrics, manifest.audit) == (None, None, None)
        assert "nothing was audited" in manifest.description


def test_the_shipped_networks_say_how_they_were_made_and_what_was_found() -> None:
    for name in LEARNED + CLASSIFIERS:
        model = Repository().load_any(name)
        assert len(model.onnx_bytes) < 10_000_000
        assert "simulated" in str(model.manifest.trained_on)
        assert "synthetic" in model.manifest.description
    for name in LEARNED:
        assert Repository().load(name).manifest.audit is None


def test_each_shipped_classifier_reads_what_a_shipped_anonymizer_publishes() -> None:
    repository = Repository()
    for name, anonymizer in zip(CLASSIFIERS, LEARNED, strict=True):
        manifest = repository.load_classifier(name).manifest
        assert manifest.anonymizer_sha256 == repository.load(anonymizer).manifest.sha256


def test_saved_is_loaded(root: Path) -> None:
    model = Repository(root).load("sample")
    assert model == Model(noisy().manifest, noisy().onnx_bytes, root / "sample")
    assert Repository(root).load(root / "sample") == model
    assert Repository(root).list() == ("sample",)
    assert sorted(os.listdir(root)) == ["sample"]


def test_the_environment_names_another_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ROOT_VARIABLE, str(root))
    assert Repository().root == root
    assert Repository(PACKAGED_ROOT).root == PACKAGED_ROOT


def test_a_file_with_another_hash_is_refused(root: Path) -> None:
    onnx = root / "sample" / "model.onnx"
    data = bytearray(onnx.read_bytes())
    data[len(data) // 2] ^= 1
    onnx.write_bytes(data)
    with pytest.raises(ModelError, match=r"model.onnx: sha256: .* differs"):
        Repository(root).load("sample")
    assert "differs" in str(Repository(root).verify()["sample"])


def test_a_truncated_file_is_refused(root: Path) -> None:
    onnx = root / "sample" / "model.onnx"
    whole = onnx.read_bytes()
    for length in (0, 1, len(whole) - 1):
        onnx.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="sha256"):
            Repository(root).load("sample")


def test_what_was_hashed_is_what_is_kept(root: Path) -> None:
    model = Repository(root).load("sample")
    (root / "sample" / "model.onnx").write_bytes(b"replaced")
    assert hashlib.sha256(model.onnx_bytes).hexdigest() == model.manifest.sha256


def test_a_model_with_bytes_of_another_hash_cannot_exist() -> None:
    with pytest.raises(ModelError, match="sample: sha256"):
        Model(noisy().manifest, b"other")


def test_a_model_does_not_print_its_bytes() -> None:
    assert "onnx_bytes" not in repr(noisy())


@pytest.mark.parametrize("file", ["model.onnx", "manifest.json"])
def test_a_missing_file_is_named(root: Path, file: str) -> None:
    (root / "sample" / file).unlink()
    with pytest.raises(ModelError, match=f"sample/{file}: does not exist"):
        Repository(root).load("sample")
    assert file in str(Repository(root).verify()["sample"])


@pytest.mark.parametrize(
    "name",
    ["../sample", "sample/../sample", "..", ".", "", "/etc", "a\\b", "sample\n", "a\0b", "SAMPLE"],
)
def test_a_name_cannot_reach_outside_the_root(root: Path, name: str) -> None:
    inner = root / "inner"
    inner.mkdir()
    with pytest.raises(ModelError, match="no model's name"):
        Repository(inner).load(name)


def test_a_model_under_another_name_is_refused(root: Path) -> None:
    shutil.copytree(root / "sample", root / "other")
    with pytest.raises(ModelError, match=r"manifest.json: name: is sample, not other"):
        Repository(root).load("other")


def test_an_unknown_name_and_an_unknown_root_are_named(root: Path) -> None:
    with pytest.raises(ModelError, match="nobody: no such model below"):
        Repository(root).load("nobody")
    with pytest.raises(ModelError, match="missing: No such file"):
        Repository(root / "missing").list()


def test_a_typed_reference_is_a_folder_only_with_a_separator() -> None:
    assert reference("gaussian-4") == "gaussian-4"
    assert reference("./gaussian-4") == Path("gaussian-4")
    assert reference("..") == Path("..")


def test_saving_never_overwrites(root: Path) -> None:
    with pytest.raises(ModelError, match="sample: exists already"):
        save(noisy(8), root / "sample")
    assert Repository(root).load("sample").onnx_bytes == noisy().onnx_bytes


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []

    def fsync(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ModelError, match="sample: No space left on device"):
        save(noisy(), tmp_path / "sample")
    assert os.listdir(tmp_path) == []


@pytest.fixture
def both(root: Path) -> Path:
    """The repository with a classifier, ``judge``, beside the anonymizer."""
    save(classifying(), root / "judge")
    return root


def test_a_classifier_is_no_anonymizer_and_the_other_way_round(both: Path) -> None:
    repository = Repository(both)
    for given in ("judge", both / "judge"):
        with pytest.raises(ModelError, match=r"judge/manifest.json: kind: .*'anonymizer'"):
            repository.load(given)
    for given in ("sample", both / "sample"):
        with pytest.raises(ModelError, match=r"sample/manifest.json: kind: "):
            repository.load_classifier(given)


def test_either_kind_is_loaded_as_what_it_is(both: Path) -> None:
    repository = Repository(both)
    assert repository.load_classifier("judge") == replace(classifying(), folder=both / "judge")
    assert repository.load_any("judge") == repository.load_classifier("judge")
    assert repository.load_any("sample") == repository.load("sample")
    assert repository.load_any(both / "judge").folder == both / "judge"
    assert repository.list() == ("judge", "sample")
    assert repository.verify() == {"judge": None, "sample": None}


def test_a_classifier_under_another_name_or_with_another_hash_is_refused(both: Path) -> None:
    shutil.copytree(both / "judge", both / "other")
    (both / "judge" / "model.onnx").write_bytes(b"other")
    repository = Repository(both)
    with pytest.raises(ModelError, match="name: is judge, not other"):
        repository.load_any("other")
    with pytest.raises(ModelError, match=r"sha256: .* differs"):
        repository.load_any("judge")


def test_classifiers_are_found_by_task(both: Path) -> None:
    save(classifying(name="mood", task="emotion"), both / "mood")
    (both / "empty").mkdir()
    repository = Repository(both)
    assert [m.name for m in repository.classifiers("emotion")] == ["mood"]
    assert [m.name for m in repository.classifiers()] == ["judge", "mood"]
    assert repository.classifiers("posture") == ()


def test_files_from_before_there_were_kinds_are_anonymizers(root: Path) -> None:
    path = root / "sample" / "manifest.json"
    path.write_text(path.read_text().replace('  "kind": "anonymizer",\n', ""))
    assert "anonymizer" not in path.read_text()
    assert Repository(root).load_any("sample").manifest.kind == "anonymizer"
