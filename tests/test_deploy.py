"""What lies in deploy/ fits the service: names, paths, metrics."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric

from service.config import Config
from service.metrics import Metrics
from service.state import CameraState
from service.status import CameraStatus

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


def test_every_state_asked_for_exists_and_each_has_a_colour():
    states = {state.value for state in CameraState}
    for text in expressions():
        for value in re.findall(r'state=~?"([^"]+)"', text):
            assert set(value.split("|")) <= states
    css = (ROOT / "service" / "viewer" / "viewer.css").read_text()
    # Those that say "nothing is wrong, and nothing happens" have the plain colour.
    assert states - set(re.findall(r'\.badge\[data-state="(\w+)"\]', css)) == set()
    timeline = next(
        panel
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        if panel["type"] == "state-timeline"
    )
    options = timeline["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert {option["text"] for option in options.values()} == states


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
        if volume.startswith(".")
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
    for name in ("anonynoise", "camera", "consumer", "grafana"):
        assert compose()["services"][name]["read_only"] is True


def test_raw_events_are_on_a_network_that_only_the_service_shares():
    services = compose()["services"]
    assert {name for name, of in services.items() if "cameras" in of["networks"]} == {
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


def test_compose_configures_the_service_with_names_it_knows(monkeypatch: pytest.MonkeyPatch):
    environment = compose()["services"]["anonynoise"]["environment"]
    monkeypatch.setenv("ANONYNOISE_READ_TOKEN", "r" * 20)
    monkeypatch.setenv("ANONYNOISE_ADMIN_TOKEN", "a" * 20)
    for name, value in environment.items():
        if "TOKEN" not in name:
            monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value))
        assert name.removeprefix("ANONYNOISE_").lower() in Config.model_fields
    config = Config()
    assert [(camera.id, camera.url) for camera in config.cameras] == [
        ("camera", "dv://camera:7777")
    ]
    assert config.address.port == 8080


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


def test_alerts_as_prometheus_reads_them():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    subprocess.run([promtool, "check", "rules", str(ALERTS)], check=True, capture_output=True)


@pytest.mark.parametrize("target", ["cpu", "gpu"])
def test_each_image_is_unprivileged_and_watches_its_health(target):
    stages = re.split(r"(?m)^(?=FROM )", (ROOT / "Dockerfile").read_text())
    stage = next(text for text in stages if re.match(rf"FROM \S+ AS {target}\n", text))
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
