"""A service on a real socket, beside the test or in a thread of its own."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models.repository import PACKAGED_ROOT
from service.config import Config
from service.server import Server, running
from tests.models.audits import KEY
from tests.service.peers import WINDOW_US, DvPeer

_POLL_S = 0.002
#: What serves the tests unless they say otherwise: any sensor, windows of 0.1 s.
MODEL = "gaussian-4"
READ_TOKEN = "read-" + "r" * 20
ADMIN_TOKEN = "admin-" + "a" * 20


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ANONYNOISE_"):
            monkeypatch.delenv(name)


@dataclass
class Running:
    """A server in the test's own event loop."""

    server: Server
    http: httpx.AsyncClient

    @property
    def service(self) -> Any:
        return self.server.service

    @property
    def ws(self) -> str:
        return self.server.url.replace("http", "ws", 1)

    async def until(self, camera: str, wanted: Callable[[Any], bool]) -> Any:
        """A camera's status as soon as it is as ``wanted``."""
        return await self._polled(lambda: self.service.status(camera, exact=True), wanted)

    async def until_audit(self, state: str) -> Any:
        """What the model's audit is worth, as soon as that is ``state``."""
        return await self._polled(lambda: self.service.audit.state, lambda now: now.state == state)

    async def _polled(self, look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
        async with asyncio.timeout(20):
            while not wanted(found := look()):
                # A loop that never rests would keep the interpreter from the anonymizer.
                await asyncio.sleep(_POLL_S)
        return found


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Any]]:
    """Starts services that end with the test; called with the configuration's fields."""
    async with AsyncExitStack() as stack:

        async def start(token: str | None = None, **config: Any) -> Running:
            settings = {"listen": "127.0.0.1:0", "threads": 1, "model": MODEL} | config
            server = await stack.enter_async_context(running(Config(**settings)))
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            http = await stack.enter_async_context(
                httpx.AsyncClient(base_url=server.url, headers=headers)
            )
            return Running(server, http)

        yield start


@pytest.fixture
async def camera() -> AsyncIterator[DvPeer]:
    """A DV camera that sends what the test tells it to."""
    async with DvPeer() as peer:
        yield peer


@dataclass
class RunningElsewhere:
    """A server in another thread, for clients that block: a browser, a command."""

    url: str
    camera_port: int
    #: Stops the service, as a signal would.
    stop: Callable[[], None]


@pytest.fixture
def running_service() -> Iterator[Callable[..., AbstractContextManager[RunningElsewhere]]]:
    """Starts a service whose one camera plays, as a context manager.

    ``config`` overrides; without ``cameras`` there is the one, ``hall``, fed by a synthetic stream
    that goes on as long as the service runs.
    """

    @contextmanager
    def start(config: dict[str, Any] | None = None) -> Iterator[RunningElsewhere]:
        started: threading.Event = threading.Event()
        found: dict[str, Any] = {}

        async def play(peer: DvPeer) -> None:
            number = 0
            await peer.connected()
            while True:
                peer.send_windows(number, events=2000)
                await peer.drain()
                number += 1
                await asyncio.sleep(WINDOW_US / 1e6)

        async def main() -> None:
            async with DvPeer() as peer:
                settings: dict[str, Any] = {
                    "listen": "127.0.0.1:0",
                    "threads": 1,
                    "model": MODEL,
                    "cameras": [{"id": "hall", "url": peer.url}],
                } | (config or {})
                playing = asyncio.create_task(play(peer))
                async with running(Config(**settings)) as server:
                    loop, ended = asyncio.get_running_loop(), asyncio.Event()
                    found["stop"] = lambda: loop.call_soon_threadsafe(ended.set)
                    found["service"] = RunningElsewhere(server.url, peer.port, found["stop"])
                    started.set()
                    await ended.wait()
                playing.cancel()

        def run() -> None:
            try:
                asyncio.run(main())
            finally:
                started.set()

        thread = threading.Thread(target=run, name="service under test")
        thread.start()
        started.wait(60)
        try:
            yield found["service"]
        finally:
            with suppress(RuntimeError):
                found["stop"]()
            thread.join(30)
            assert not thread.is_alive(), "the service did not end"

    yield start


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models that come along, copied to where a test may add to them."""
    root = tmp_path / "models"
    for name in ("gaussian-4", "gaussian-16"):
        shutil.copytree(PACKAGED_ROOT / name, root / name)
    monkeypatch.setenv("ANONYNOISE_MODELS", str(root))
    return root


@pytest.fixture
def folder(repository: Path) -> Path:
    """Of the model that serves the tests, not audited."""
    return repository / MODEL


@pytest.fixture
def public_key(tmp_path: Path) -> Path:
    """A file with the public key that belongs to :data:`tests.models.audits.KEY`."""
    path = tmp_path / "audit.pub"
    key = KEY.public_key()
    path.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path
