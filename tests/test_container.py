"""The CPU image, built and started for real; skipped, saying so, where that cannot be done.

Needs root, buildah and debootstrap (``apt-get install buildah debootstrap``) and the network.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from service.message import decode_message

ROOT = Path(__file__).resolve().parents[1]
READ_TOKEN = "read-" + "r" * 20
IMAGE = "localhost/anonynoise:test"
USER = 10001
_CA_INSIDE = "/etc/pip-ca.crt"


@dataclass
class Buildah:
    """buildah with a storage of its own, so that nothing is left behind."""

    storage: Path

    def arguments(self, *arguments: str) -> list[str]:
        place = ["--root", str(self.storage / "root"), "--runroot", str(self.storage / "run")]
        return ["buildah", "--storage-driver", "vfs", *place, *arguments]

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            self.arguments(*arguments), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (
            f"buildah {arguments[0]}:\n{(done.stdout + done.stderr)[-4000:]}"
        )
        return done.stdout.strip()

    def inside(self, container: str, *command: str) -> subprocess.CompletedProcess[str]:
        """``command`` in ``container``, as the image's user."""
        return subprocess.run(
            self.arguments("run", "--isolation", "chroot", container, "--", *command),
            capture_output=True,
            text=True,
            check=False,
        )


def pip_settings(folder: Path) -> list[str]:
    """Read-only mounts of how pip is configured here, and of the files that names."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    settings = dict(re.findall(r"^[^.]+\.([a-z-]+)='(.*)'$", listed.replace(":env:", "env"), re.M))
    lines, mounts = ["[global]"], []
    for key in ("index-url", "extra-index-url", "find-links", "trusted-host", "proxy", "timeout"):
        if key in settings:
            lines.append(f"{key} = {settings[key]}")
            for place in re.findall(r"(?:file://|(?<!\S))(/[^\s,]+)", settings[key]):
                # The pages of an index link to files that lie beside it.
                mounted = Path(place).parent if key.endswith("index-url") else place
                mounts.append(f"{mounted}:{mounted}:ro")
    if authority := settings.get("cert") or os.environ.get("SSL_CERT_FILE"):
        lines.append(f"cert = {_CA_INSIDE}")
        mounts.append(f"{authority}:{_CA_INSIDE}:ro")
    (folder / "pip.conf").write_text("\n".join(lines) + "\n")
    mounts.append(f"{folder / 'pip.conf'}:/etc/pip.conf:ro")
    return [argument for mount in mounts for argument in ("--volume", mount)]


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """With the image built as :data:`IMAGE`."""
    if os.geteuid() != 0:
        pytest.skip("building the image needs root")
    for tool in ("buildah", "debootstrap"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("container")
    system = folder / "bookworm"
    subprocess.run(
        ["debootstrap", "--variant=minbase", "bookworm", str(system)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    buildah = Buildah(folder)
    base = buildah("from", "scratch")
    buildah("add", "--quiet", base, str(system), "/")
    buildah("commit", "--rm", base, "docker.io/library/debian:bookworm-slim")
    shutil.rmtree(system)
    how = ["--isolation", "chroot", "--network", "host", "--format", "docker"]
    buildah("bud", *how, *pip_settings(folder), "--tag", IMAGE, str(ROOT))
    yield buildah
    buildah("rm", "--all")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def container(buildah: Buildah) -> Iterator[str]:
    name = buildah("from", IMAGE)
    yield name
    buildah("rm", name)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_until(what: str, done: Callable[[], bool], hang_s: float = 300) -> None:
    end_s = time.monotonic() + hang_s
    while not done():
        assert time.monotonic() < end_s, f"{what}: not after {hang_s} s"
        time.sleep(0.2)


def leaf(pid: int) -> int:
    """The innermost process below ``pid``: buildah puts several of its own in between."""
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if parent == pid:
            return leaf(int(entry.name))
    return pid


@contextmanager
def started(
    buildah: Buildah, container: str, *command: str, **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """``command`` in ``container`` on this machine's network; stopped as Docker would."""
    given = [piece for item in environment.items() for piece in ("--env", "=".join(item))]
    how = ["--isolation", "chroot", "--network", "host"]
    process = subprocess.Popen(
        buildah.arguments("run", *how, *given, container, "--", *command),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.kill(leaf(process.pid), signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        finally:
            process.kill()


def test_the_image_says_how_to_run_it(buildah):
    def config(template: str) -> str:
        return buildah("inspect", "--type", "image", "--format", template, IMAGE)

    assert config("{{.Docker.Config.User}}") == f"{USER}:{USER}"
    assert config("{{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}") == "[anonynoise] [serve]"
    assert "healthcheck.py" in config("{{.Docker.Config.Healthcheck}}")


def test_the_image_holds_nothing_to_build_or_install_with(buildah, container):
    for tool in ("pip", "pip3", "gcc", "cc", "make"):
        assert buildah.inside(container, "sh", "-c", f"command -v {tool}").returncode != 0
    assert buildah.inside(container, "python", "-c", "import pip").returncode != 0
    assert buildah.inside(container, "python", "-c", "import torch").returncode != 0
    listed = buildah.inside(
        container,
        "find",
        "/opt/anonynoise",
        "-name",
        "*.pyc",
        "-o",
        "-writable",
        "-not",
        "-type",
        "l",
    )
    assert (listed.returncode, listed.stdout) == (0, "")


def test_without_tokens_it_does_not_start(buildah, container):
    refused = buildah.inside(container, "anonynoise", "serve")
    assert refused.returncode != 0
    assert "token" in refused.stdout + refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr


def test_a_window_of_the_stand_in_comes_out_of_the_container(buildah, container):
    camera = buildah("from", IMAGE)
    camera_port, port = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "ANONYNOISE_LISTEN": f"0.0.0.0:{port}",
        "ANONYNOISE_READ_TOKEN": READ_TOKEN,
        "ANONYNOISE_CAMERAS": f"camera=dv://127.0.0.1:{camera_port}",
    }
    replay = ("anonynoise", "replay", "--loop", "--listen", f"127.0.0.1:{camera_port}")
    with (
        started(buildah, camera, *replay),
        started(buildah, container, "anonynoise", "serve", **environment) as service,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {READ_TOKEN}"}) as http,
    ):

        def answers(path: str) -> bool:
            assert service.poll() is None, service.stdout.read()
            try:
                return http.get(path).status_code == 200
            except httpx.TransportError:
                return False

        wait_until("ready", lambda: answers("/health/ready"))
        wait_until("a window", lambda: answers("/v1/cameras/camera/windows/latest"))
        metadata, tensor = decode_message(http.get("/v1/cameras/camera/windows/latest").content)
        assert metadata["camera"] == "camera"
        assert tensor.ndim == 3
        assert httpx.get(f"{url}/v1/cameras").status_code == 401

        inner = leaf(service.pid)
        status = Path(f"/proc/{inner}/status").read_text()
        assert re.search(r"^Uid:" + rf"\s+{USER}" * 4, status, re.M)
        health = ("python3", "-B", "/opt/anonynoise/healthcheck.py")
        alive = ("env", f"ANONYNOISE_LISTEN=0.0.0.0:{port}", *health)
        dead = ("env", f"ANONYNOISE_LISTEN=0.0.0.0:{free_port()}", *health)
        assert buildah.inside(camera, *alive).returncode == 0
        assert buildah.inside(camera, *dead).returncode != 0

        os.kill(inner, signal.SIGTERM)
        output, _ = service.communicate(timeout=60)
        assert service.returncode == 0, output
        assert "shutting down" in output
        assert READ_TOKEN not in output
