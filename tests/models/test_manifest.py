import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.packet import SensorSize
from models import manifest as manifests
from models.errors import ModelError
from models.manifest import Manifest
from tests.models.onnx_models import manifest_fields

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
FIELDS = [
    *(k for k in manifest_fields() if not isinstance(manifest_fields()[k], dict)),
    *(f"{k}.{f}" for k, v in manifest_fields().items() if isinstance(v, dict) for f in v),
]
DEFAULTED = {"representation.multiple_of", "representation.scaling"}


def written(folder: Path, text: bytes) -> Path:
    path = folder / "manifest.json"
    path.write_bytes(text)
    return path


def changed(field: str, value: Any) -> dict[str, Any]:
    fields = manifest_fields()
    *parents, last = field.split(".")
    part = fields
    for parent in parents:
        part = part[parent]
    part[last] = value
    return fields


def is_one_line(message: str) -> bool:
    return message.isprintable() and len(message) <= 400


def test_a_manifest_survives_its_own_json(tmp_path: Path) -> None:
    manifest = Manifest.model_validate(
        manifest_fields(trained_on={"set": "SEE"}, audit={"map": 0.2})
    )
    assert manifests.read(written(tmp_path, manifest.to_json().encode())) == manifest
    assert manifest.channels == 4
    assert manifest.output_step == 2.0**-8


def test_a_manifest_cannot_be_changed() -> None:
    manifest = Manifest.model_validate(manifest_fields())
    with pytest.raises(ValidationError):
        manifest.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema_version", 2),
        ("name", "../up"),
        ("name", "Name"),
        ("name", ""),
        ("name", "a" * 65),
        ("name", "name\n"),
        ("version", "1 0"),
        ("profile", "a/b"),
        ("sha256", "0" * 63),
        ("sha256", "G" * 64),
        ("output_step", 0.003),
        ("output_step", 2.0**-13),
        ("output_step", 2),
        ("unknown", 1),
        ("representation.kind", "frames"),
        ("representation.bins", 0),
        ("representation.bins", 65),
        ("representation.bins", "5"),
        ("representation.bins", True),
        ("representation.window_us", 0),
        ("representation.height", 128),
        ("representation.width", 8193),
        ("representation.multiple_of", 0),
        ("representation.channel_order", "polarity,time"),
        ("representation.dtype", "float16"),
        ("representation.scaling", 0),
        ("representation.unknown", 1),
        ("noise.distribution", "uniform"),
        ("noise.scale", 0),
        ("noise.scale", -1.0),
        ("self_test.min_rms_change", 0),
        ("self_test.max_unchanged", 1.0),
    ],
)
def test_a_bad_field_is_named_with_its_file(tmp_path: Path, field: str, value: Any) -> None:
    path = written(tmp_path, json.dumps(changed(field, value)).encode())
    with pytest.raises(ModelError) as caught:
        manifests.read(path)
    assert caught.value.source == str(path)
    # What concerns several fields together is said of the part that holds them.
    named = caught.value.field or str(caught.value)
    assert named in field or field in str(caught.value)
    assert is_one_line(str(caught.value).replace(str(path), ""))


@pytest.mark.parametrize("field", sorted(set(FIELDS) - DEFAULTED))
def test_a_missing_field_is_named(tmp_path: Path, field: str) -> None:
    fields = manifest_fields()
    part = fields
    *parents, last = field.split(".")
    for parent in parents:
        part = part[parent]
    del part[last]
    with pytest.raises(ModelError, match="required") as caught:
        manifests.read(written(tmp_path, json.dumps(fields).encode()))
    assert caught.value.field == field


@given(field=st.sampled_from(FIELDS), value=JSON)
def test_any_value_in_any_field_is_a_manifest_or_one_line(field: str, value: Any) -> None:
    text = json.dumps(changed(field, value))
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        assert is_one_line(str(manifests.first_problem(error, "manifest.json")))
    else:
        assert Manifest.model_validate_json(manifest.to_json()) == manifest


@given(text=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_text_is_refused_in_one_line(tmp_path_factory: Any, text: bytes) -> None:
    path = written(tmp_path_factory.getbasetemp(), text)
    with pytest.raises(ModelError) as caught:
        manifests.read(path)
    assert str(path) in str(caught.value)
    assert is_one_line(str(caught.value))


def test_a_cut_manifest_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = Manifest.model_validate(manifest_fields()).to_json().encode().rstrip()
    for end in range(len(whole)):
        with pytest.raises(ModelError):
            manifests.read(written(tmp_path, whole[:end]))


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        manifests.read(written(tmp_path, b"[" * 100_000))


def test_a_key_that_drives_a_terminal_is_not_repeated(tmp_path: Path) -> None:
    fields = manifest_fields() | {"\x1b[2J\nfake line": 1}
    with pytest.raises(ModelError) as caught:
        manifests.read(written(tmp_path, json.dumps(fields).encode()))
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_too_large_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path, b" " * (1 << 20) + b" ")
    with pytest.raises(ModelError, match=r"manifest.json: is larger than 1048576 bytes"):
        manifests.read(path)


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(ModelError, match="is no file"):
        manifests.read(tmp_path / "manifest.json")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"manifest.json: does not exist"):
        manifests.read(tmp_path / "manifest.json")


@pytest.mark.parametrize(
    ("representation", "width", "height", "reason"),
    [
        ({}, 640, 480, None),
        ({}, 1, 1, None),
        ({}, 0, 480, "has none"),
        ({"height": 128, "width": 346}, 346, 128, None),
        ({"height": 128, "width": 346}, 128, 346, "takes 346x128, not 128x346"),
        ({"multiple_of": 8}, 346, 260, None),
        ({}, 4096, 4096, None),
        ({}, 4097, 4096, "over 67108864 cells"),
        ({"multiple_of": 256}, 8192, 2049, "over 67108864 cells"),
    ],
)
def test_a_sensor_that_does_not_fit_is_told_why(
    representation: dict[str, Any], width: int, height: int, reason: str | None
) -> None:
    manifest = Manifest.model_validate(manifest_fields(representation=representation))
    answer = manifest.why_not(SensorSize(width, height))
    assert answer is None if reason is None else answer is not None and reason in answer


def test_a_fixed_size_beyond_memory_is_refused() -> None:
    size = {"height": 8192, "width": 8192}
    with pytest.raises(ValidationError, match="more than 67108864 cells"):
        Manifest.model_validate(manifest_fields(representation=size))
