"""The README's clients and configuration, taken from the README and run."""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import anonynoise
from service.app import create_app
from service.config import Config
from service.service import Service

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def block(language: str) -> str:
    (found,) = blocks(language)
    return found


@pytest.mark.parametrize("language", ["python", "js"])
def test_a_client_is_under_20_lines(language):
    assert len(block(language).strip().splitlines()) < 20


async def test_the_python_client(serve, camera):
    service = await serve(cameras=[{"id": "hall", "url": camera.url}])
    await camera.connected()
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", block("python"), f"{service.ws}/v1/cameras/hall/windows"),
        stdout=asyncio.subprocess.PIPE,
    )
    await service.until("hall", lambda status: status.subscribers == 1)
    camera.send_windows(0)
    assert client.stdout
    assert await client.stdout.readline() == b"1 0 (10, 24, 32)\n"
    client.terminate()
    await client.wait()


@pytest.mark.parametrize("token", [None, "read-" + "?" * 20])
def test_the_javascript_client(running_service, token):
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here")
    config = {"read_token": token} if token else {}
    with running_service(config) as service, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        page = browser.new_page()
        page.goto(f"{service.url}/health/live")
        url = service.url.replace("http", "ws", 1) + "/v1/cameras/hall/windows"
        found = page.evaluate(
            f"""([url, token]) => {{ {block("js")}
                return new Promise((resolve) => watch(url, (metadata, shape, values) =>
                    resolve([metadata.camera, shape, values.length]), token)); }}""",
            [url, token],
        )
        browser.close()
    assert found == ["hall", [10, 24, 32], 10 * 24 * 32]


def test_the_configuration():
    values, audit = map(yaml.safe_load, blocks("yaml"))
    values.pop("tls")
    config = Config(**values)
    assert [camera.id for camera in config.cameras] == ["hall", "door"]
    assert config.record
    assert Config(**audit).audit.limits.top1 == 30


def test_every_command_and_address_is_named():
    for name in anonynoise.COMMANDS:
        assert f"anonynoise {name}" in README
    schema = create_app(Service(Config())).openapi()
    for path in schema["paths"]:
        assert path in README


@pytest.mark.parametrize("line", ["make demo", "make test"])
def test_the_two_commands_are_make_targets(line):
    assert f"\n{line} " in README
    root = Path(__file__).parents[2]
    subprocess.run([*line.split(), "--dry-run"], cwd=root, check=True, capture_output=True)
