"""``anonynoise watch`` against a real service."""

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from service.commands.watch import command
from service.status import CameraStatus
from service.watch import SeenWindow
from service.watch_screen import polarity_colours, screen
from tests.service.classifiers import add_classifier
from tests.service.conftest import READ_TOKEN

_ROOT = Path(__file__).resolve().parents[2]


def watch(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(command, arguments, catch_exceptions=False)


def test_json_prints_one_line_a_window(running_service):
    with running_service() as service:
        result = watch(service.url, "--json", "--windows", "3")
    assert result.exit_code == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 3
    assert all(line["camera"] == "hall" and line["shape"] == [10, 24, 32] for line in lines)
    sequence = [int(line["seq"]) for line in lines]
    assert sequence == list(range(sequence[0], sequence[0] + 3))
    assert not {"anonymized", "tensor"} & set(lines[0])


def test_the_table_and_the_picture(running_service):
    with running_service() as service:
        result = watch(service.url, "--camera", "hall", "--windows", "2", COLUMNS="120")
    assert result.exit_code == 0
    assert "▸ hall" in result.stdout
    assert "audit missing: the model has no audit" in result.stdout
    assert "streaming" in result.stdout
    assert "▀" in result.stdout
    assert "gaussian-4@1.0.0" in result.stdout


def test_a_task_labels_every_window(running_service, repository):
    add_classifier(repository)
    with running_service() as service:
        result = watch(service.url, "--json", "--windows", "3", "--task", "gesture")
        drawn = watch(service.url, "--windows", "1", "--task", "gesture", COLUMNS="120")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["label"], line["probability"]) for line in lines] == [("wave", 0.8438)] * 3
    assert "wave 84%" in drawn.stdout


def test_a_classifier_that_does_not_fit_is_one_line(running_service, repository):
    add_classifier(repository, "odd", task="posture", window_us=500_000)
    add_classifier(repository, "other", model="gaussian-16")
    add_classifier(repository, "square", task="posture", height=128, width=128)
    with running_service() as service:
        for arguments, says in (
            (("--task", "gesture"), "gesture: no classifier for the model"),
            (("--task", "emotion", "--json"), "emotion: no classifier for the model"),
            (("--classifier", "odd"), "odd: takes windows of window_us 500000, not 100000"),
            (("--classifier", "square", "--json"), "square: "),
            (("--classifier", "other", "--task", "emotion"), "is for the task gesture"),
            (("--classifier", "/none", "--json"), "/none"),
        ):
            result = watch(service.url, "--windows", "1", *arguments)
            assert result.exit_code == 1
            assert result.stderr.count("\n") == 1
            assert says in result.stderr


def test_one_that_was_made_for_another_model_is_chosen_with_a_warning(running_service, repository):
    folder = str(add_classifier(repository, "other", model="gaussian-16"))
    warning = (
        "other was trained on another model's output than that of gaussian-4: "
        "its labels may be wrong"
    )
    with running_service() as service:
        drawn = watch(service.url, "--windows", "1", "--classifier", folder, COLUMNS="160")
        lines = watch(service.url, "--windows", "2", "--classifier", folder, "--json")
    assert (drawn.exit_code, lines.exit_code) == (0, 0)
    assert warning in drawn.stdout
    assert lines.stderr == f"Warning: {warning}\n"
    assert [json.loads(line)["label"] for line in lines.stdout.splitlines()] == ["wave"] * 2


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://127.0.0.1:1", "refused"),
        ("http://no-such-host.invalid", "no-such-host.invalid"),
        ("127.0.0.1:8080", "http://"),
        ("ftp://127.0.0.1", "http://"),
        ("http://reader:secret@127.0.0.1", "no user"),
        ("http://127.0.0.1/?token=secret", "query"),
    ],
)
def test_an_address_without_a_service_is_one_line(url, says):
    result = watch(url)
    assert result.exit_code != 0
    assert result.stderr.count("\n") == 1
    assert says in result.stderr
    assert "secret" not in result.stderr


def test_a_camera_that_does_not_exist_is_one_line(running_service):
    with running_service() as service:
        result = watch(service.url, "--camera", "roof")
    assert result.exit_code != 0
    assert result.stderr.count("\n") == 1
    assert "no such camera: roof" in result.stderr


def test_no_cameras_is_one_line_for_a_program(running_service):
    with running_service({"cameras": []}) as service:
        result = watch(service.url, "--json")
    assert result.exit_code != 0
    assert "no cameras" in result.stderr


def test_the_token_comes_from_the_environment(running_service):
    with running_service({"read_token": READ_TOKEN}) as service:
        without = watch(service.url)
        wrong = watch(service.url, ANONYNOISE_TOKEN="wrong-" + "w" * 20)
        other = watch(service.url, "--token-env", "ELSEWHERE", ELSEWHERE="wrong-" + "w" * 20)
        right = watch(service.url, "--json", "--windows", "1", ANONYNOISE_TOKEN=READ_TOKEN)
    assert "asks for a token" in without.stderr
    assert "does not accept the token" in wrong.stderr
    assert "$ELSEWHERE" in other.stderr
    assert (without.exit_code, wrong.exit_code, right.exit_code) == (1, 1, 0)
    assert all("wwww" not in result.output for result in (wrong, other))


@contextmanager
def reader(url: str) -> Iterator[subprocess.Popen]:
    """``anonynoise watch URL --json``; killed after two minutes, so that nothing hangs."""
    with subprocess.Popen(
        [sys.executable, "-m", "anonynoise", "watch", url, "--json"],
        cwd=_ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        guard = threading.Timer(120, process.kill)
        guard.start()
        try:
            yield process
        finally:
            guard.cancel()
            process.kill()


def test_it_comes_back_to_a_restarted_service_and_ends_with_ctrl_c(running_service):
    with running_service() as first, reader(first.url) as process:
        assert json.loads(process.stdout.readline())["model"] == "gaussian-4@1.0.0"
        first.stop()
        place = urlsplit(first.url).netloc
        # The port is free as soon as the first service has said goodbye.
        wait_until_gone(first.url)
        with running_service({"listen": place, "model": "gaussian-16"}):
            while json.loads(process.stdout.readline())["model"] != "gaussian-16@1.0.0":
                pass
            process.send_signal(signal.SIGINT)
            _, problem = process.communicate(timeout=60)
        assert (process.returncode, problem) == (0, "")


def wait_until_gone(url: str) -> None:
    with pytest.raises(httpx.TransportError):
        while True:
            httpx.get(f"{url}/health/live")


def test_a_removed_camera_ends_it_in_one_line(running_service):
    with running_service() as service, reader(service.url) as process:
        process.stdout.readline()
        httpx.delete(f"{service.url}/v1/cameras/hall").raise_for_status()
        _, problem = process.communicate(timeout=60)
    assert process.returncode == 1
    assert problem.count("\n") == 1
    assert "was removed" in problem


def test_on_is_orange_off_is_blue_in_the_picture():
    tensor = np.zeros((4, 6, 4), np.float16)
    tensor[3, 0, 0] = 5
    tensor[0, 5, 3] = 5
    colours = polarity_colours(tensor, 64, 48)
    assert colours.shape == (6, 4, 3)
    assert colours[0, 0, 0] > colours[0, 0, 2]
    assert colours[5, 3, 2] > colours[5, 3, 0]
    assert not colours[2, 2].any()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 3), (480, 640), (720, 1280), (2000, 7)])
def test_pictures_fit_whatever_the_sensor(height, width):
    colours = polarity_colours(np.ones((2, height, width), np.float32), 64, 48)
    assert colours.shape[0] <= 48
    assert colours.shape[1] <= 64
    assert colours.shape[0] % 2 == 0


def test_the_screen_says_why_a_camera_stands_still_and_what_was_dropped():
    status = CameraStatus(
        id="yard",
        url="dv://127.0.0.1:1",
        enabled=True,
        state="waiting",
        reason="connection refused",
        sensor=None,
        segment=0,
        seq=0,
        events=0,
        outside=0,
        windows=0,
        events_per_s=0.0,
        windows_per_s=0.0,
        latency_ms=None,
        dropped={"overflow": 3},
        reconnects=1,
        subscribers=0,
        queue=0,
        recognized={"task": "gesture", "label": "wave", "probability": 0.934, "seq": 8},
        recognition_problem="square takes 128x128",
    )
    window = SeenWindow(
        {"camera": "yard", "seq": "9", "model": "m@1"}, np.zeros((2, 4, 4), np.float32)
    )
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(screen("http://x", [status], "yard", window, "connection lost"))
    text = console.export_text()
    assert "yard: connection refused" in text
    assert "overflow 3" in text
    assert "wave 93%" in text
    assert "yard: no label: square takes 128x128" in text
    assert "connection lost; trying again" in text
