"""Whose page a request comes from."""

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

#: Why another site's page is turned away.
ELSEWHERE = "another site's page"


def same_origin(connection: HTTPConnection) -> bool:
    """Whether the page that asks came from here; programs send no origin.

    Browsers let any site's page open a WebSocket to any host and post to it; without this
    check, a page could read a camera of a service that needs no token, or have it anonymize.
    """
    origin = connection.headers.get("origin")
    return origin is None or origin.partition("://")[2] == connection.headers.get("host")


class SameOrigin:
    """Refuses HTTP requests of other sites' pages.

    WebSockets pass: only once one is accepted can a browser be told why it is closed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and not same_origin(HTTPConnection(scope)):
            await JSONResponse({"detail": ELSEWHERE}, 403)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
