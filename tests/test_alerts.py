"""The alerts of deploy/: each speaks and is silent as its cases say, of series that exist."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from models.verdict import Cause
from service.audit import OFF
from service.metrics import Metrics
from service.service import WITHHELD
from service.state import CameraState

PROMETHEUS = Path(__file__).resolve().parents[1] / "deploy" / "prometheus"
ALERTS = PROMETHEUS / "alerts.yml"
CASES = PROMETHEUS / "alerts_test.yml"

#: What Prometheus adds to each series of the service.
TARGET = {"job": "anonynoise", "instance": "anonynoise:8080"}

Series = tuple[str, frozenset[tuple[str, str]]]


def cases() -> list[dict[str, Any]]:
    return yaml.safe_load(CASES.read_text())["tests"]


def exposed(camera: str) -> set[Series]:
    """A service with one camera as Prometheus sees it, as far as alerts ask for it."""
    metrics = Metrics()
    metrics.set_audit(OFF, datetime.now(UTC), expected=True)
    metrics.set_state(camera, CameraState.STREAMING)
    for metric in (metrics.windows, metrics.reconnects, metrics.lag):
        metric.labels(camera)
    for cause in (*get_args(Cause), WITHHELD, "overflow"):
        metrics.dropped.labels(camera, cause)
    return {
        (sample.name, frozenset((sample.labels | TARGET).items()))
        for family in metrics.registry.collect()
        for sample in family.samples
    }


def supposed() -> Iterator[Series]:
    """The series of the cases, but for ``up``, which Prometheus makes itself."""
    for case in cases():
        for series in case["input_series"]:
            name, labels = re.fullmatch(r"(\w+)\{(.*)\}", series["series"]).groups()
            if name != "up":
                yield name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))


def test_the_cases_suppose_series_that_the_service_exposes():
    cameras = {value for _, labels in supposed() for name, value in labels if name == "camera"}
    assert set(supposed()) <= set[Series]().union(*map(exposed, cameras))


def test_each_alert_has_a_case_where_it_speaks_and_one_where_it_is_silent():
    rules = {
        rule["alert"]
        for group in yaml.safe_load(ALERTS.read_text())["groups"]
        for rule in group["rules"]
    }
    checks = [check for case in cases() for check in case["alert_rule_test"]]
    assert {check["alertname"] for check in checks if check.get("exp_alerts")} == rules
    assert {check["alertname"] for check in checks if not check.get("exp_alerts")} == rules


@pytest.mark.parametrize("arguments", [("check", "rules", ALERTS), ("test", "rules", CASES)])
def test_alerts_as_prometheus_reads_them(arguments):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
