"""Commands as a person calls them: help, one-line errors, exit codes."""

import errno
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

import anonynoise
from events.aedat4 import write_aedat4
from service.commands import anonymize as anonymize_module
from service.message import read_windows
from tests.models.audits import OTHER_KEY, audited
from tests.service.classifiers import add_classifier
from tests.service.conftest import MODEL
from tests.service.peers import SENSOR, window_events
from tests.shared_data import shared


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(
        anonynoise.main, [str(argument) for argument in arguments]
    )


@pytest.fixture
def recording(tmp_path) -> Path:
    path = tmp_path / "three.aedat4"
    write_aedat4(path, [window_events(number) for number in range(3)], SENSOR)
    return path


def one_line(result, *says: str) -> None:
    """The command failed, and said why in one line."""
    assert result.exit_code != 0
    assert isinstance(result.exception, SystemExit)
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("Error: ")
    for part in says:
        assert part in line


@pytest.mark.parametrize("name", anonynoise.COMMANDS)
def test_every_command_has_help_with_an_example(run, name):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"Example: anonynoise {name}" in " ".join(result.output.split())


def test_the_list_of_commands_imports_none_of_them():
    code = (
        "import sys, click.testing, anonynoise;"
        "click.testing.CliRunner().invoke(anonynoise.main, ['--help']);"
        "print([m for m in ('numpy', 'fastapi', 'numba', 'onnxruntime') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nothing_needs_torch():
    code = (
        "import sys; sys.modules['torch'] = None;"
        "import events, models, service;"
        "import events.recording, models.anonymizer, service.server, service.watch, models.commands"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_anonymize(run, recording, tmp_path):
    out = tmp_path / "three.windows"
    result = run("anonymize", recording, out, "--model", MODEL)
    assert result.exit_code == 0, result.stderr
    assert "3 windows of 600 events (0 outside, 0 windows dropped)" in result.output
    with out.open("rb") as file:
        windows = list(read_windows(file))
    assert [metadata["t_start_us"] for metadata, _ in windows] == ["0", "100000", "200000"]
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(("fewest_events", "label"), [(0, "wave"), (1000, "nothing")])
def test_anonymize_says_what_the_windows_show(
    run, recording, tmp_path, repository, fewest_events, label
):
    add_classifier(repository, "waving", model=MODEL, fewest_events=fewest_events)
    out = tmp_path / "three.windows"
    result = run("anonymize", recording, out, "--model", MODEL, "--task", "gesture")
    assert result.exit_code == 0, result.stderr
    assert result.output.endswith(f"\ngesture: {label} 3\n")


def test_anonymize_without_a_classifier_for_the_task_writes_nothing(run, recording, tmp_path):
    out = tmp_path / "three.windows"
    arguments = ("anonymize", recording, out, "--model", MODEL, "--task", "gesture")
    one_line(run(*arguments), "gesture: no classifier for the model")
    assert not out.exists()


def test_anonymize_keeps_what_came_before_the_damage(run, recording, tmp_path):
    recording.write_bytes(recording.read_bytes()[:-1500])
    out = tmp_path / "out.windows"
    result = run("anonymize", recording, out, "--model", MODEL)
    one_line(result, str(recording), "offset")
    with out.open("rb") as file:
        assert list(read_windows(file))


def test_anonymize_on_a_full_disk_leaves_nothing_behind(run, recording, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(anonymize_module, "frame", full)
    out = tmp_path / "out.windows"
    one_line(
        run("anonymize", recording, out, "--model", MODEL), str(out), "No space left on device"
    )
    assert [path.name for path in tmp_path.iterdir()] == [recording.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_anonymize_on_a_disk_that_is_really_full(run, recording, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        one_line(
            run("anonymize", recording, disk / "o", "--model", MODEL),
            "disk/o: No space left on device",
        )
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("{none}", "{out}"), "No such file or directory"),
        (("{text}", "{out}"), "says no sensor size, give --sensor"),
        (
            ("{text}", "{out}", "--sensor", "8192x8192", "--model", MODEL),
            "text.txt: a window of",
        ),
        (
            ("{recording}", "/nowhere/out", "--model", MODEL),
            "/nowhere/out: No such file or directory",
        ),
        (("{recording}", "{out}", "--model", "none"), "none"),
        (("{recording}", "{out}", "--device", "cuda"), "no CUDA"),
    ],
)
def test_anonymize_refuses_in_one_line(run, recording, tmp_path, arguments, says):
    (tmp_path / "text.txt").write_text("1 2 3 1\n")
    names = {
        "none": tmp_path / "none.raw",
        "text": tmp_path / "text.txt",
        "recording": recording,
        "out": tmp_path / "out.windows",
    }
    one_line(run("anonymize", *(part.format(**names) for part in arguments)), says)


def test_anonymize_refuses_a_model_without_a_passing_audit(
    run, recording, folder, public_key, tmp_path
):
    out = tmp_path / "out.windows"
    arguments = ("anonymize", recording, out, "--model", folder, "--audit-key")
    one_line(run(*arguments, tmp_path / "none.pub"), "--audit-key", "none.pub")
    one_line(run(*arguments, public_key), f"{MODEL}: audit missing: the model has no audit")
    audited(folder, OTHER_KEY)
    one_line(run(*arguments, public_key), f"{MODEL}: audit: was signed with another key")
    audited(folder, leaks=True)
    one_line(run(*arguments, public_key), "audit failing: worst attack retrain")
    audited(folder, age=timedelta(days=4))
    one_line(run(*arguments, public_key), "audit stale")
    assert not out.exists()
    audited(folder)
    assert run(*arguments, public_key).exit_code == 0
    assert out.exists()


def test_info_of_a_real_recording(run):
    result = run("info", shared("formats/davis346.aedat4"), "--json")
    found = json.loads(result.stdout)
    assert (found["events"], found["width"], found["height"]) == (78830, 346, 260)
    assert (found["t_first_us"], found["t_last_us"]) == (1589163147368868, 1589163149728813)


def test_demo_without_a_terminal(tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "anonynoise", "demo"),
            *("--headless", "--windows", "4", "--listen", "127.0.0.1:0"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"COLUMNS": "100"},
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"page +http://127\.0\.0\.1:\d+/\n", done.stdout)
    assert "20x128x128" in done.stdout
    assert done.stdout.endswith("4 anonymized windows received\n")


def test_in_a_terminal_the_demo_alone_draws(tmp_path):
    terminal, end = os.openpty()
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "anonynoise", "demo"),
            *("--windows", "2", "--listen", "127.0.0.1:0"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    said = b""
    try:
        while piece := os.read(terminal, 1 << 16):
            said += piece
    except OSError as error:
        # How Linux says that the last who had the terminal open is gone.
        assert error.errno == errno.EIO
    finally:
        os.close(terminal)
    assert child.wait() == 0
    assert b"anonymized windows received" in said or b"windows consumed" in said
    assert b"packets dropped" not in said


def test_demo_labels_its_windows_where_there_is_a_classifier(repository):
    add_classifier(repository, "waving", model=MODEL)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "anonynoise", "demo"),
            *("--windows", "3", "--listen", "127.0.0.1:0", "--model", MODEL),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | {"COLUMNS": "120"},
    )
    assert done.returncode == 0, done.stderr
    assert "recognizer waving" in done.stdout
    assert done.stdout.count("wave 84%") == 3


def test_demo_with_a_model_that_is_not_there_is_one_line(run):
    one_line(run("demo", "--model", "none"), "none: no such model")


def test_demo_finds_another_port(run):
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "anonynoise", "demo"),
                *("--windows", "1", "--listen", f"127.0.0.1:{port}"),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert done.returncode == 0, done.stderr
    assert f":{port}/" not in done.stdout
