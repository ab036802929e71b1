"""Configuration: a file, the environment over it, the command line over both."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.config import Config, ConfigError, is_loopback, load_config


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "anonynoise.yaml"
    path.write_text(text)
    return path


def test_command_line_over_environment_over_file(tmp_path, monkeypatch):
    path = written(
        tmp_path,
        """
        listen: 127.0.0.1:1
        model: from-file
        device: cpu
        cameras:
          - {id: hall, url: "dv://127.0.0.1:7777", width: 10, height: 20}
        limits: {uploads: 7, cameras: 3}
        """,
    )
    monkeypatch.setenv("ANONYNOISE_LISTEN", "127.0.0.1:2")
    monkeypatch.setenv("ANONYNOISE_MODEL", "from-environment")
    monkeypatch.setenv("ANONYNOISE_LIMITS__UPLOADS", "9")
    config = load_config(path, listen="127.0.0.1:3")
    assert str(config.address) == "127.0.0.1:3"
    assert config.model == "from-environment"
    assert config.device == "cpu"
    assert (config.limits.uploads, config.limits.cameras) == (9, 3)
    assert config.cameras[0].width == 10


def test_cameras_from_one_variable(monkeypatch):
    monkeypatch.setenv("ANONYNOISE_CAMERAS", "a=dv://127.0.0.1:1, b=evt3://[::1]:2,")
    cameras = load_config().cameras
    assert [(camera.id, camera.url) for camera in cameras] == [
        ("a", "dv://127.0.0.1:1"),
        ("b", "evt3://[::1]:2"),
    ]


def test_recognizers_from_one_variable(tmp_path, monkeypatch):
    path = written(tmp_path, "recognizers: [emotion]")
    assert load_config(path).recognizers == ("emotion",)
    monkeypatch.setenv("ANONYNOISE_RECOGNIZERS", "gesture, ./mine")
    assert load_config(path).recognizers == ("gesture", "./mine")
    assert load_config(path, recognizers=("smile",)).recognizers == ("smile",)


def test_the_audit_is_shown_unless_more_or_less_is_asked_for(tmp_path, monkeypatch):
    audit = load_config(written(tmp_path, "model: x")).audit
    assert (audit.policy, audit.public_key, audit.max_age_s) == ("warn", None, 3 * 86_400)
    assert set(audit.limits.model_dump().values()) == {None}
    # Without quotes, YAML takes it for false.
    path = written(tmp_path, "audit: {policy: off, limits: {over_chance: 20, top1: 35}}")
    audit = load_config(path).audit
    assert (audit.policy, audit.limits.over_chance, audit.limits.top1) == ("off", 20, 35)
    monkeypatch.setenv("ANONYNOISE_AUDIT__POLICY", "required")
    monkeypatch.setenv("ANONYNOISE_AUDIT__PUBLIC_KEY", "/keys/audit.pub")
    audit = load_config(path).audit
    assert (audit.policy, audit.public_key) == ("required", Path("/keys/audit.pub"))
    monkeypatch.setenv("ANONYNOISE_AUDIT__LIMITS__SUITE", "nightly")
    assert load_config(path).audit.limits.suite == "nightly"
    assert audit.limits.top1 == 35


def test_the_file_that_the_environment_names(tmp_path, monkeypatch):
    monkeypatch.setenv("ANONYNOISE_CONFIG", str(written(tmp_path, "model: x")))
    assert load_config().model == "x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("models: x", "models: Extra inputs are not permitted"),
        ("listen: nowhere", "'nowhere' is not HOST:PORT"),
        ("device: tpu", "device: Input should be 'auto', 'cpu' or 'cuda'"),
        ("read_token: short", "read_token: a token has at least 16 characters"),
        ("cameras: [{id: a, url: 'dv://h:1'}, {id: a, url: 'dv://h:2'}]", "the same id"),
        ("cameras: [{id: a, url: 'dv://h:1'}, {id: b, url: 'raw://h:1'}]", "the same url"),
        ("cameras: [{id: a, url: 'dv://127.1:1'}, {id: b, url: 'dv://[::1]:1'}]", "the same url"),
        ("cameras: [{id: a b, url: 'dv://h:1'}]", "cameras.0.id: String should match"),
        ("listen: 0.0.0.0:80", "set admin_token and read_token"),
        (
            "{listen: 0.0.0.0:80, read_token: aaaaaaaaaaaaaaaa, admin_token: aaaaaaaaaaaaaaaa}",
            "admin_token must differ from read_token",
        ),
        ("audit: {policy: required}", "audit: policy required needs public_key"),
        ("audit: {policy: maybe}", "audit.policy: Input should be 'required', 'warn' or 'off'"),
        ("audit: {policy: on}", "audit.policy: Input should be 'required', 'warn' or 'off'"),
        ("audit: {max_age_s: 0}", "audit.max_age_s: Input should be greater than 0"),
        ("audit: {max_age_s: .inf}", "audit.max_age_s: Input should be a finite number"),
        ("audit: {limits: {top1: 101}}", "audit.limits.top1: Input should be less than"),
        (
            "audit: {limits: {suite: slow}}",
            "audit.limits.suite: Input should be 'quick', 'nightly'",
        ),
        ("audit: {limits: {map: 1}}", "audit.limits.map: Extra inputs are not permitted"),
        ("- a", "the top level must be a table"),
        ("a: [", "line 1: not valid YAML"),
    ],
)
def test_one_line_that_names_file_and_field(tmp_path, text, says):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert str(error.value).startswith(f"{path}: ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: No such file or directory"):
        load_config(tmp_path / "none.yaml")


def test_a_token_is_never_shown():
    config = Config(read_token="r" * 20, admin_token="a" * 20)
    assert "rrrr" not in repr(config) + config.model_dump_json()
    with pytest.raises(ValidationError) as error:
        Config(read_token="secret")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *(("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("example.org", False)),
    ],
)
def test_loopback(host, loopback):
    assert is_loopback(host) is loopback


def test_other_machines_are_served_with_tokens():
    assert Config(listen="0.0.0.0:80", read_token="r" * 16).address.port == 80
