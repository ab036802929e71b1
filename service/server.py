"""The process: sockets, signals, and nothing of it left behind."""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator

import uvicorn

from service.address import Address
from service.app import create_app
from service.bounded_http import BoundedHttp
from service.config import Config, ConfigError
from service.service import Service

log = logging.getLogger(__name__)


class Server(uvicorn.Server):
    """uvicorn, shut down in our order: listening ends, cameras, windows, subscribers, sockets."""

    def __init__(self, config: Config) -> None:
        self.service = Service(config)
        self.listening = asyncio.Event()
        super().__init__(_uvicorn_config(config, self.service))
        self._socket = bind(config)
        #: Where it listens, the port resolved.
        self.url = _url(config, self._socket)

    async def run_until_stopped(self) -> None:
        """Serve until a signal, or until ``should_exit`` is set."""
        await self.serve([self._socket])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM ask for a graceful end; a second SIGINT does not wait for it."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        # Only a main thread hears signals; elsewhere whoever embeds us ends us.
        mine = signals if threading.current_thread() is threading.main_thread() else ()
        for number in mine:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in mine:
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and tell who waits for it."""
        await super().startup(sockets)
        # What was imported stays; going through it again would hold up windows for nothing.
        gc.collect()
        gc.freeze()
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Publish what is under way and let every subscriber have it before sockets close."""
        log.info("shutting down")
        for server in self.servers:
            server.close()
        await self.service.stop()
        await super().shutdown(sockets)


def bind(config: Config) -> socket.socket:
    """The listening socket. Raises :class:`ConfigError` in one line."""
    host, port = config.address.host, config.address.port
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ConfigError(f"listen {config.listen}: {error.strerror or error}") from None
    return listener


def _url(config: Config, listener: socket.socket) -> str:
    address = Address(config.address.host, listener.getsockname()[1])
    return f"{'https' if config.tls else 'http'}://{address}"


def _uvicorn_config(config: Config, service: Service) -> uvicorn.Config:
    tls = config.tls
    if tls:
        check_tls(tls.certificate.as_posix(), tls.key.as_posix())
    return uvicorn.Config(
        create_app(service),
        host=config.address.host,
        port=config.address.port,
        loop="auto",
        http=BoundedHttp,
        ws="websockets-sansio",
        # A window is noise: compressing it costs time and saves nothing.
        ws_per_message_deflate=False,
        # What clients send us over a WebSocket is not listened to.
        ws_max_size=1 << 12,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        access_log=False,
        server_header=False,
        log_config=None,
        timeout_graceful_shutdown=max(1, round(config.limits.shutdown_s)),
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )


def check_tls(certificate: str, key: str) -> None:
    """Raises :class:`ConfigError` where they cannot be used."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or "not a certificate and its key"
        raise ConfigError(f"tls: {certificate}, {key}: {reason}") from None


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[Server]:
    """A server inside this event loop, and its address; ended gracefully on the way out.

    Raises :class:`ConfigError` where it cannot listen.
    """
    server = Server(config)
    serving = asyncio.create_task(server.run_until_stopped())
    listening = asyncio.create_task(server.listening.wait())
    await asyncio.wait({serving, listening}, return_when=asyncio.FIRST_COMPLETED)
    try:
        if serving.done():
            serving.result()
        yield server
    finally:
        listening.cancel()
        server.should_exit = True
        await serving
