"""The process: signals, TLS, ports, and what its log looks like."""

import asyncio
import datetime
import json
import signal
import ssl
import sys

import httpx
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from service.config import Config, ConfigError
from service.message import decode_message
from service.server import running
from tests.service.conftest import ADMIN_TOKEN, MODEL, READ_TOKEN
from tests.service.peers import window_events


async def start(*arguments: str, **environment: str) -> tuple[asyncio.subprocess.Process, str]:
    """``anonynoise serve`` in a process of its own, and its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "anonynoise", "serve", "--listen", "127.0.0.1:0"),
        *("--model", MODEL, *arguments),
        stderr=asyncio.subprocess.PIPE,
        env=None if not environment else {"PATH": "/usr/bin:/bin", **environment},
    )
    assert process.stderr
    async for line in process.stderr:
        if line.startswith(b"listening on "):
            return process, line.decode().split()[-1]
    raise AssertionError("the service ended before it listened")


async def ready(url: str, **options) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=url, **options) as http:
        while True:
            if (await http.get("/health/ready")).status_code == 200:
                return


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_gracefully(camera, number):
    process, url = await start("--camera", f"hall={camera.url}")
    await ready(url)
    await camera.connected()
    address = url.replace("http", "ws", 1) + "/v1/cameras/hall/windows"
    async with websockets.connect(address) as socket:
        # A full window first: it tells that the subscription stands and events flow.
        camera.send_windows(0)
        await socket.recv()
        camera.send_events(window_events(1, events=55)[1:])
        await asyncio.sleep(0)
        process.send_signal(number)
        last = None
        with pytest.raises(websockets.ConnectionClosed) as closed:
            while True:
                last = decode_message(await socket.recv())[0]
    assert closed.value.rcvd.code == 1001
    assert last is not None
    assert process.stderr
    log = (await process.stderr.read()).decode()
    assert await process.wait() == 0
    entries = [json.loads(line) for line in log.splitlines()]
    assert {"level", "logger", "message", "time"} <= entries[0].keys()
    assert "shutting down" in [entry["message"] for entry in entries]


async def test_tokens_do_not_reach_the_log(camera):
    process, url = await start(
        *("--camera", f"hall={camera.url}"),
        ANONYNOISE_READ_TOKEN=READ_TOKEN,
        ANONYNOISE_ADMIN_TOKEN=ADMIN_TOKEN,
        ANONYNOISE_LOG_LEVEL="debug",
    )
    await ready(url)
    async with httpx.AsyncClient(base_url=url) as http:
        for token in (READ_TOKEN, ADMIN_TOKEN, "wrong-" + "w" * 20):
            await http.get("/v1/cameras", headers={"Authorization": f"Bearer {token}"})
    headers = {"Authorization": f"Bearer {READ_TOKEN}"}
    address = url.replace("http", "ws", 1) + "/v1/cameras/hall/windows"
    async with websockets.connect(address, additional_headers=headers):
        pass
    process.terminate()
    assert process.stderr
    log = (await process.stderr.read()).decode()
    await process.wait()
    for token in (READ_TOKEN, ADMIN_TOKEN, "w" * 20):
        assert token not in log


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return {"certificate": folder / "certificate.pem", "key": folder / "key.pem"}


async def test_tls(camera, tmp_path):
    files = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=files["certificate"])
    config = Config(
        listen="localhost:0",
        tls=files,
        cameras=[{"id": "hall", "url": camera.url}],
        threads=1,
        model=MODEL,
    )
    async with running(config) as server:
        assert server.url.startswith("https://localhost:")
        async with httpx.AsyncClient(base_url=server.url, verify=trusting) as http:
            assert (await http.get("/health/ready")).json()["ready"]
        address = server.url.replace("http", "ws", 1) + "/v1/cameras/hall/windows"
        async with websockets.connect(address, ssl=trusting) as socket:
            await camera.connected()
            camera.send_windows(0)
            assert decode_message(await socket.recv())[0]["events"] == "1"
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(base_url=server.url) as http:
                await http.get("/health/live")


async def test_a_certificate_that_cannot_be_used(tmp_path):
    files = certificate(tmp_path)
    files["key"].write_text("not a key")
    with pytest.raises(ConfigError, match=r"^tls: .*key.pem: "):
        async with running(Config(listen="127.0.0.1:0", tls=files)):
            pass


async def test_a_port_that_is_taken(serve):
    service = await serve()
    port = service.server.url.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "anonynoise", "serve", "--listen", f"127.0.0.1:{port}"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode() == f"Error: listen 127.0.0.1:{port}: Address already in use\n"
