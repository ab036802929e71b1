"""What lies in deploy/ fits the service: names, paths, metrics."""

import json
import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest
import yaml
from prometheus_client import Metric

from models.repository import ROOT_VARIABLE
from service.audit import AuditWord
from service.config import AuditConfig, Config
from service.metrics import Metrics
from service.service import WITHHELD
from service.state import CameraState
from service.status import CameraStatus
from training.audit.command import command as audit_command
from training.enrolment.secret import KEY_VARIABLE

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
COMPOSE = ROOT / "docker-compose.yml"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "anonynoise.json"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"


def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())


def series() -> dict[str, Metric]:
    """Every series name that Prometheus sees, with the metric it belongs to."""
    metrics = Metrics()
    names: dict[str, Metric] = {}
    endings = {
        "counter": ["_total"],
        "histogram": ["_bucket", "_sum", "_count"],
        "gauge": [""],
    }
    for metric in metrics.registry.collect():
        for ending in endings[metric.type]:
            names[metric.name + ending] = metric
    return names


def dockerfile_stage(name: str) -> str:
    stages = re.split(r"(?m)^(?=FROM )", (ROOT / "Dockerfile").read_text())
    return next(text for text in stages if re.match(rf"FROM \S+ AS {name}\n", text))


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    rules = [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]
    return [
        *(target["expr"] for panel in panels for target in panel["targets"]),
        *(rule["expr"] for rule in rules),
    ]


def test_every_metric_asked_for_exists():
    known = series()
    asked = {name for text in expressions() for name in re.findall(r"anonynoise_\w+", text)}
    assert asked - set(known) == set()
    assert {"anonynoise_ready", "anonynoise_windows_dropped_total"} <= asked


STATES = {
    "anonynoise_camera_state": {state.value for state in CameraState},
    "anonynoise_audit_state": set(get_args(AuditWord)),
}


def test_every_state_asked_for_exists_and_each_has_a_colour():
    asked = [
        (metric, value)
        for text in expressions()
        for metric, value in re.findall(r'(\w+)\{state=~?"([^"]+)"', text)
    ]
    for metric, value in asked:
        assert set(value.split("|")) <= STATES[metric]
    assert {metric for metric, _ in asked} == set(STATES)
    css = (ROOT / "service" / "viewer" / "viewer.css").read_text()
    # Those that say "nothing is wrong, and nothing happens" have the plain colour.
    coloured = set(re.findall(r'\.badge\[data-state="([\w ]+)"\]', css))
    assert STATES["anonynoise_camera_state"] - coloured == set()
    assert {f"audit {state}" for state in get_args(AuditWord)} - coloured == {"audit off"}


@pytest.mark.parametrize("metric", STATES)
def test_a_timeline_names_each_state_as_its_expression_numbers_it(metric):
    panels = json.loads(DASHBOARD.read_text())["panels"]
    (timeline,) = (
        panel
        for panel in panels
        if panel["type"] == "state-timeline" and metric in panel["targets"][0]["expr"]
    )
    numbered = re.findall(
        rf'{metric}\{{state="(\w+)"[^}}]*\}} \* (\d+)', timeline["targets"][0]["expr"]
    )
    options = timeline["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert {number: option["text"] for number, option in options.items()} == {
        number: state for state, number in numbered
    }
    assert {state for state, _ in numbered} == STATES[metric]


def test_there_is_an_alert_for_an_audit_that_fails_or_grows_old():
    rules = {
        rule["alert"]: rule
        for group in yaml.safe_load(ALERTS.read_text())["groups"]
        for rule in group["rules"]
    }
    assert rules["AuditFailing"]["expr"] == 'anonynoise_audit_state{state="failing"} == 1'
    assert rules["AuditFailing"]["labels"] == {"severity": "critical"}
    assert rules["AuditMissing"]["expr"].startswith('anonynoise_audit_state{state="missing"} == 1 ')
    assert rules["AuditStale"]["expr"] == 'anonynoise_audit_state{state="stale"} == 1'
    # The windows that an audit holds back are no fault of the anonymizer's.
    excluded = re.findall(r'cause!~"([^"]+)"', rules["AnonymizerRefusesWindows"]["expr"])
    assert excluded == [f"overflow|{WITHHELD}"]


def test_panels_have_titles_places_and_the_provisioned_source():
    dashboard = json.loads(DASHBOARD.read_text())
    source = yaml.safe_load(
        (DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text()
    )["datasources"][0]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        assert panel["title"]
        assert panel["datasource"]["uid"] == source["uid"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_compose_mounts_only_what_is_there():
    services = compose()["services"]
    mounted = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if isinstance(volume, str) and volume.startswith(".")
    ]
    assert mounted
    for path in mounted:
        assert (ROOT / path).exists(), path


def test_compose_gives_least_power():
    for name, service in compose()["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert {"mem_limit", "cpus"} <= set(service), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), name
    for name in ("anonynoise", "models", "audit", "camera", "consumer", "grafana"):
        assert compose()["services"][name]["read_only"] is True


def test_raw_events_are_on_a_network_that_only_the_service_shares():
    services = compose()["services"]
    assert {name for name, of in services.items() if "cameras" in of.get("networks", [])} == {
        "anonynoise",
        "camera",
    }
    assert compose()["networks"]["cameras"]["internal"] is True
    assert services["camera"]["networks"] == ["cameras"]
    assert "ports" not in services["camera"]


def test_compose_refuses_to_start_without_tokens_and_takes_one_variable_for_the_camera():
    environment = compose()["services"]["anonynoise"]["environment"]
    for name in ("ANONYNOISE_READ_TOKEN", "ANONYNOISE_ADMIN_TOKEN"):
        assert re.fullmatch(r"\$\{" + name + r":\?.+\}", environment[name])
    assert environment["ANONYNOISE_CAMERAS"] == "camera=${CAMERA_URL:-dv://camera:7777}"


def substituted(text: str, **variables: str) -> str:
    """``text`` as compose reads it where ``variables`` are set."""

    def value(found: re.Match[str]) -> str:
        name, operator, other = found.groups()
        given = variables.get(name, "")
        return (other if given else "") if operator == "+" else given or other

    return re.sub(r"\$\{(\w+):([-+])(.*?)\}", value, text)


def configured(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Config:
    """The service's configuration in its container."""
    monkeypatch.setenv("ANONYNOISE_READ_TOKEN", "r" * 20)
    monkeypatch.setenv("ANONYNOISE_ADMIN_TOKEN", "a" * 20)
    for name, value in compose()["services"]["anonynoise"]["environment"].items():
        if "TOKEN" not in name:
            monkeypatch.setenv(name, substituted(value, **variables))
        field = name.removeprefix("ANONYNOISE_").lower().split("__")[0]
        assert name == ROOT_VARIABLE or field in Config.model_fields
    return Config()


def test_compose_configures_the_service_with_names_it_knows(monkeypatch: pytest.MonkeyPatch):
    config = configured(monkeypatch)
    assert (config.model, config.audit) == ("default", AuditConfig())
    assert [(camera.id, camera.url) for camera in config.cameras] == [
        ("camera", "dv://camera:7777")
    ]
    assert config.address.port == 8080


def test_compose_hands_the_public_key_to_the_service_and_the_private_one_to_the_audit_alone(
    monkeypatch: pytest.MonkeyPatch,
):
    given = {
        "ANONYNOISE_AUDIT_PUBLIC_KEY": "keys/audit.pub",
        "ANONYNOISE_AUDIT_POLICY": "required",
    }
    services = compose()["services"]
    (mount,) = (volume for volume in services["anonynoise"]["volumes"] if "source" in volume)
    assert substituted(mount["source"]) == "/dev/null"
    assert substituted(mount["source"], **given) == "keys/audit.pub"
    assert mount["read_only"] is True
    # A file that is not there is told, and not made as a folder.
    assert mount["bind"] == {"create_host_path": False}
    audit = configured(monkeypatch, **given).audit
    assert (audit.policy, audit.public_key) == ("required", Path(mount["target"]))
    holders = [name for name, of in services.items() if "audit_key" in str(of.get("secrets"))]
    assert holders == ["audit"]
    assert "audit.key" not in str({name: of for name, of in services.items() if name != "audit"})
    secret = services["audit"]["secrets"][0]
    assert compose()["secrets"][secret["source"]]["file"].endswith("keys/audit.key}")
    assert f"--key /run/secrets/{secret['target']}" in (DEPLOY / "audit/nightly.sh").read_text()


def test_the_audit_alone_writes_models_and_reaches_no_network():
    services = compose()["services"]
    shared = {name: of["volumes"] for name, of in services.items() if "models:" in str(of)}
    folder = services["anonynoise"]["environment"][ROOT_VARIABLE]
    assert {name for name, volumes in shared.items() if f"models:{folder}" in volumes} == {
        "models",
        "audit",
    }
    assert f"models:{folder}:ro" in services["anonynoise"]["volumes"]
    assert services["models"]["command"] == ["models", "copy", folder]
    for name in ("models", "audit"):
        assert services[name]["network_mode"] == "none"
        assert "networks" not in services[name]
    for name in ("anonynoise", "audit"):
        filled = services[name]["depends_on"]["models"]
        assert filled == {"condition": "service_completed_successfully"}
    audit = services["audit"]
    assert audit["profiles"] == ["audit"]
    assert audit["build"]["target"] == "audit"
    assert audit["image"] != services["anonynoise"]["image"]
    # It gives way to the service where both want the same cores.
    assert audit["cpus"] <= 1
    assert audit["cpu_shares"] < 1024
    assert (
        audit["environment"]["ANONYNOISE_MODEL"]
        == (services["anonynoise"]["environment"]["ANONYNOISE_MODEL"])
    )


def test_the_crontab_runs_the_audit_once_a_night_with_options_that_it_has():
    (line,) = (
        line
        for line in (DEPLOY / "audit/crontab").read_text().splitlines()
        if line and not line.startswith("#")
    )
    minute, hour, *every, command = line.split(None, 5)
    assert 0 <= int(minute) < 60
    assert 0 <= int(hour) < 24
    assert every == ["*", "*", "*"]
    assert command == "sh /etc/anonynoise/nightly.sh"
    stage = dockerfile_stage("audit")
    assert "COPY deploy/audit/crontab deploy/audit/nightly.sh /etc/anonynoise/\n" in stage
    script = (DEPLOY / "audit/nightly.sh").read_text()
    subprocess.run(["sh", "-n", DEPLOY / "audit/nightly.sh"], check=True)
    parameters = {name for one in audit_command.params for name in one.opts}
    assert set(re.findall(r"(?<= )--[a-z]+", script)) <= parameters
    mounted = str(compose()["services"]["audit"]["volumes"])
    for folder in ("/data", "/reports"):
        assert f" {folder}" in script and folder in mounted


def nightly(tmp_path: Path, user: int | None = None, **variables: str) -> list[str]:
    """What the nightly script calls, where ``tmp_path`` holds ``/data``."""
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "nice").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    (commands / "nice").chmod(0o755)
    script = (DEPLOY / "audit/nightly.sh").read_text().replace("/data", f"{tmp_path}/data")
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "ANONYNOISE_MODEL": "gesture"}
    done = subprocess.run(
        ["sh", "-c", script],
        env=environment | variables,
        capture_output=True,
        text=True,
        check=True,
        user=user,
    )
    return done.stdout.replace(str(tmp_path), "").splitlines()


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        ([], ["/data"]),
        (["labels.csv"], ["/data"]),
        (["session.json"], ["/data"]),
        (["a/session.json", "b c/labels.csv", "notes/read.me"], ["/data/a", "/data/b c"]),
        (["labels.csv", "ada/session.json"], ["/data", "/data/ada"]),
        (["ada/session.json", "lost+found/session.json"], ["/data/ada"]),
    ],
)
def test_every_night_all_that_is_there_is_attacked(tmp_path, files, folders):
    for file in files:
        path = tmp_path / "data" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    words = nightly(tmp_path)
    assert words[:4] == ["-n", "19", "anonynoise", "audit"]
    # As click reads them.
    found = audit_command.make_context("audit", words[4:]).params
    assert [str(folder) for folder in found["folders"]] == folders
    assert (found["model"], found["suite"], found["publish"]) == ("gesture", "nightly", True)
    assert found["weights"] is None


def test_a_folder_that_may_not_be_looked_into_is_handed_to_the_audit_which_says_so():
    # Of its own, since others may not look into pytest's.
    with TemporaryDirectory() as place:
        given, kept = (Path(place, "data", name) for name in ("ada", "ben"))
        for folder in (given, kept):
            folder.mkdir(parents=True)
        (given / "session.json").touch()
        Path(place).chmod(0o755)
        kept.chmod(0)
        # There is no door to who is root.
        words = nightly(Path(place), user=None if os.geteuid() else 65534)
        kept.chmod(0o700)
    found = audit_command.make_context("audit", words[4:]).params
    assert [str(folder) for folder in found["folders"]] == ["/data/ada", "/data/ben"]


def test_the_audit_job_is_given_what_opens_and_deletes_sessions_and_the_networks_weights(tmp_path):
    given = {
        "ANONYNOISE_ENROLMENT_KEY": "keys/enrol.key",
        "ANONYNOISE_AUDIT_WEIGHTS": "my weights.pt",
        "ANONYNOISE_AUDIT_DATA_READ_ONLY": "false",
    }
    services = compose()["services"]
    audit = services["audit"]
    mounts = {volume["target"]: volume for volume in audit["volumes"] if "target" in volume}
    data, weights = mounts["/data"], mounts["/etc/anonynoise/weights"]
    assert yaml.safe_load(substituted(data["read_only"])) is True
    assert yaml.safe_load(substituted(data["read_only"], **given)) is False
    assert weights["read_only"] is True
    assert all(one["bind"] == {"create_host_path": False} for one in (data, weights))
    _, secret = audit["secrets"]
    key = compose()["secrets"][secret["source"]]["file"]
    assert substituted(weights["source"]) == substituted(key) == "/dev/null"
    assert substituted(weights["source"], **given) == "my weights.pt"
    assert substituted(key, **given) == "keys/enrol.key"
    inside = {name: str(value) for name, value in audit["environment"].items()}
    assert substituted(inside[KEY_VARIABLE]) == ""
    assert substituted(inside[KEY_VARIABLE], **given) == f"/run/secrets/{secret['target']}"
    # Raw events are the audit's alone to read.
    assert "enrol" not in str({name: of for name, of in services.items() if name != "audit"})
    path = substituted(inside["ANONYNOISE_AUDIT_WEIGHTS"], **given)
    assert path == weights["target"]
    words = nightly(tmp_path, ANONYNOISE_AUDIT_WEIGHTS=path)
    assert words[words.index("--weights") + 1] == path


def test_the_scheduler_is_pinned_for_both_architectures():
    script = (DEPLOY / "container/build.sh").read_text()
    pinned = dict(re.findall(r"(?m)^    (amd64|arm64)\) sum=([0-9a-f]{64}) ;;$", script))
    assert len(set(pinned.values())) == 2
    assert "sha256sum -c" in script
    subprocess.run(["sh", "-n", DEPLOY / "container/build.sh"], check=True)


def test_the_audits_image_has_what_the_services_has_not():
    assert "RUN sh deploy/container/build.sh install train\n" in dockerfile_stage("audit-build")
    audit = dockerfile_stage("audit")
    # Started by its bare name as process 1, supercronic does not find itself again.
    assert 'ENTRYPOINT ["/usr/local/bin/supercronic"]' in audit
    assert re.search(r"(?m)^USER [1-9]\d*:[1-9]\d*$", audit)
    for target in ("cpu", "gpu"):
        assert "audit" not in re.sub("#.*", "", dockerfile_stage(target))
        assert f"build.sh install {target}\n" in dockerfile_stage(f"{target}-build")
        # Whoever mounts the empty volume first gives it an owner who may write to it.
        assert "RUN install -d -o 10001 -g 10001 /models\n" in dockerfile_stage(target)
    assert "RUN install -d -o 10001 -g 10001 /models /reports\n" in audit


def test_prometheus_scrapes_the_service_with_its_token():
    settings = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    job = settings["scrape_configs"][0]
    secret = job["authorization"]["credentials_file"]
    services = compose()["services"]
    assert secret == f"/run/secrets/{services['prometheus']['secrets'][0]}"
    host, port = job["static_configs"][0]["targets"][0].split(":")
    assert host in services
    assert services[host]["environment"]["ANONYNOISE_LISTEN"].endswith(f":{port}")
    assert job.get("metrics_path", "/metrics") == "/metrics"


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_each_image_is_unprivileged_and_watches_its_health(target):
    stage = dockerfile_stage(target)
    assert re.search(r"(?m)^USER [1-9]\d*:[1-9]\d*$", stage)
    assert re.search(r"(?m)^HEALTHCHECK ", stage)
    assert 'ENTRYPOINT ["anonynoise"]\nCMD ["serve"]' in stage
    assert "PYTHONDONTWRITEBYTECODE=1" in stage
    assert "NUMBA_CACHE_DIR=/tmp/" in stage
    assert not re.search(r"(?mi)^(ENV|ARG) .*TOKEN", stage)


def test_the_default_image_is_the_cpu_one():
    stages = re.findall(r"(?m)^FROM \S+ AS (\S+)", (ROOT / "Dockerfile").read_text())
    assert stages[-1] == "cpu"


def test_the_docker_context_holds_all_that_the_dockerfile_copies():
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = [
        path
        for line in re.findall(r"(?m)^COPY (?!--from)(.*)$", (ROOT / "Dockerfile").read_text())
        for path in line.split()[:-1]
    ]
    for path in copied:
        assert (ROOT / path).exists(), path
        assert any(path == rule or path.startswith(f"{rule}/") for rule in allowed), path


def test_the_camera_bridge_listens_on_loopback_only():
    unit = (DEPLOY / "systemd" / "anonynoise-camera.service").read_text()
    assert "--listen 127.0.0.1:" in unit
    for line in ("IPAddressDeny=any", "IPAddressAllow=localhost", "LimitCORE=0", "DynamicUser=yes"):
        assert line in unit.splitlines()


def test_the_viewer_knows_every_field_of_a_camera():
    text = "".join(path.read_text() for path in (ROOT / "service" / "viewer").glob("*.js"))
    for name in CameraStatus.model_fields:
        assert re.search(rf"\b{name}\b", text), name
