"""A service seen from outside: its cameras over REST, a camera's windows over a WebSocket."""

import asyncio
import os
import random
import ssl
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import websockets
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from events.errors import EventDataError
from models.manifest import Manifest
from service import close_codes
from service.app import AuditInfo, ModelInfo
from service.message import decode_message
from service.routes.cameras import CameraList
from service.status import CameraStatus

Answer = TypeVar("Answer", bound=BaseModel)

_TIMEOUT_S = 10.0
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 10.0
#: A window of the largest model, float32, and its header.
_MOST_MESSAGE_BYTES = (256 << 20) + (1 << 20)
#: Further close codes after which trying again would not help, and what they mean.
_FINAL = {
    close_codes.POLICY_VIOLATION: "the service turned us away",
    close_codes.NO_SUCH_CAMERA: "no such camera",
    close_codes.REMOVED: "the camera was removed",
}


class ServiceRefused(Exception):
    """The service answered, and its answer will not change: one line for a person."""


class TokenRefused(ServiceRefused):
    """The service asks for a token, and got none or one it does not accept."""


class ServiceGone(Exception):
    """The service does not answer, or not as it should; it may later."""


@dataclass(frozen=True)
class SeenWindow:
    """A window as it arrived: the message's strings, and its tensor ``[2T, H, W]``."""

    metadata: dict[str, str]
    tensor: NDArray[Any]

    def header(self) -> dict[str, Any]:
        """What the REST interface answers for a window's JSON header."""
        return {**self.metadata, "shape": list(self.tensor.shape)}


class ServiceClient:
    """Asks one service; ``token`` travels in headers only.

    Raises ValueError, in one line, for a URL that is not ``http(s)://HOST[:PORT]``; one with
    a user or a query is refused because a token might be in it, and URLs end up in logs.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("a service's URL looks like http://127.0.0.1:8080")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("a service's URL has no user, password, query or fragment")
        self.url = url.rstrip("/")
        #: Why no windows arrive at the moment; None while they do.
        self.problem: str | None = None
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers=self._headers,
            timeout=_TIMEOUT_S,
            verify=self._tls or False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def cameras(self) -> list[CameraStatus]:
        """Every camera. Raises :class:`ServiceRefused` and :class:`ServiceGone`."""
        return (await self._get("/v1/cameras", CameraList, "a list of cameras")).cameras

    async def model(self) -> Manifest:
        """The model in use. Raises :class:`ServiceRefused` and :class:`ServiceGone`."""
        return (await self._model_info()).manifest

    async def audit(self) -> AuditInfo:
        """What the model's audit is worth. Raises as :meth:`model` does."""
        return (await self._model_info()).audit

    async def _model_info(self) -> ModelInfo:
        return await self._get("/v1/model", ModelInfo, "a model")

    async def _get(self, path: str, kind: type[Answer], what: str) -> Answer:
        try:
            response = await self._http.get(path)
        except httpx.HTTPError as error:
            raise ServiceGone(f"{self.url}: {_reason(error)}") from None
        if response.status_code in (401, 403):
            raise self._no_token()
        try:
            response.raise_for_status()
            return kind.model_validate_json(response.content)
        except (httpx.HTTPStatusError, ValidationError):
            raise ServiceGone(f"{self.url}: answered {response.status_code}, not {what}") from None

    def _no_token(self) -> TokenRefused:
        problem = "does not accept the token" if self._headers else "asks for a token"
        return TokenRefused(f"{self.url}: the service {problem}")

    async def windows(self, camera: str) -> AsyncGenerator[SeenWindow, None]:
        """A camera's windows from now on; connects again, with back-off, when the way breaks.

        Raises :class:`ServiceRefused` when there is no sense in that.
        """
        retry_s = _FIRST_RETRY_S
        while True:
            try:
                async with aclosing(self._until_closed(camera)) as seen:
                    async for window in seen:
                        self.problem = None
                        retry_s = _FIRST_RETRY_S
                        yield window
            except ServiceGone as error:
                self.problem = str(error)
            # Jitter, so that many readers do not come back to a restarted service at once.
            await asyncio.sleep(retry_s * random.uniform(0.8, 1.2))
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S)

    async def _until_closed(self, camera: str) -> AsyncGenerator[SeenWindow, None]:
        base = self.url.replace("http", "ws", 1)
        try:
            async with websockets.connect(
                f"{base}/v1/cameras/{quote(camera, safe='')}/windows?dtype=float16",
                additional_headers=self._headers,
                ssl=self._tls,
                compression=None,
                max_size=_MOST_MESSAGE_BYTES,
                # What we do not read in time, the service drops and counts; here it would pile up.
                max_queue=2,
                open_timeout=_TIMEOUT_S,
            ) as socket:
                while True:
                    data = await socket.recv(decode=False)
                    yield SeenWindow(*decode_message(bytes(data)))
        except websockets.ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd else None
            if code == close_codes.UNAUTHORIZED:
                raise self._no_token() from None
            if code in _FINAL:
                raise ServiceRefused(f"{self.url}: camera {camera}: {_FINAL[code]}") from None
            said = closed.rcvd.reason if closed.rcvd and closed.rcvd.reason else "connection lost"
            raise ServiceGone(f"{self.url}: {said}") from None
        except (OSError, websockets.WebSocketException) as error:
            raise ServiceGone(f"{self.url}: {_reason(error)}") from None
        except EventDataError as error:
            raise ServiceRefused(f"{self.url}: camera {camera}: {error}") from None


def _reason(error: BaseException) -> str:
    """Why a connection failed, in the operating system's words where it has any."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionError) and cause.errno:
            return os.strerror(cause.errno)
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return " ".join(str(error).split()) or type(error).__name__
