"""How long a request's body may be."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def announces_more(headers: Headers, limit: int) -> bool:
    """Whether a request says itself that its body has more than ``limit`` bytes."""
    announced = headers.get("content-length", "0")
    return announced.isdecimal() and int(announced) > limit


class BodyLimit:
    """Refuses bodies of more than ``limit`` bytes, except on the path ``but_on``.

    FastAPI reads a body whole before it asks for the token: without a limit, whoever reaches
    the port could fill the memory.
    """

    def __init__(self, app: ASGIApp, limit: int, but_on: str) -> None:
        self._app = app
        self._limit = limit
        self._but_on = but_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI; whoever goes on reading what is too long gets 413 raised, to answer as usual."""
        if scope["type"] != "http" or scope["path"] == self._but_on:
            await self._app(scope, receive, send)
            return
        too_long = HTTPException(413, f"a body may have at most {self._limit} bytes here")
        announced = announces_more(Headers(scope=scope), self._limit)
        received = 0

        async def receive_in_bounds() -> Message:
            nonlocal received
            if announced:
                raise too_long
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                raise too_long
            return message

        await self._app(scope, receive_in_bounds, send)
