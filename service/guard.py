"""What every route needs: the service, and the caller's scope checked."""

from typing import Annotated, Any

from fastapi import Depends, HTTPException, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from service.auth import Tokens
from service.config import Scope
from service.service import Service


class Problem(BaseModel):
    """What is wrong, in one line."""

    detail: str


_bearer = HTTPBearer(auto_error=False, description="a token with scope `read` or `admin`")


def get_service(connection: HTTPConnection) -> Service:
    """The service that this application serves."""
    service: Service = connection.app.state.service
    return service


def get_tokens(connection: HTTPConnection) -> Tokens:
    """The configured tokens."""
    tokens: Tokens = connection.app.state.tokens
    return tokens


def _require(needed: Scope) -> Any:
    def check(
        request: Request,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Scope:
        scope = get_tokens(request).scope(credentials.credentials if credentials else None)
        if scope is None:
            problem = "wrong token" if credentials else "a token is required"
            raise HTTPException(401, problem, {"WWW-Authenticate": "Bearer"})
        if needed == "admin" and scope != "admin":
            raise HTTPException(403, "this token may only read")
        return scope

    return Depends(check)


ServiceOf = Annotated[Service, Depends(get_service)]
CameraPath = Annotated[str, Path(alias="id", description="the camera's id", max_length=64)]
Read = _require("read")
Admin = _require("admin")
#: What a reader may do beyond reading.
ScopeOf = Annotated[Scope, Read]

#: FastAPI's table of what a route can answer.
Responses = dict[int | str, dict[str, Any]]

#: What a guarded route can answer besides its own.
UNAUTHORIZED: Responses = {
    401: {"model": Problem, "description": "No token, or a wrong one"},
}
FORBIDDEN: Responses = {
    **UNAUTHORIZED,
    403: {"model": Problem, "description": "The token may only read"},
}
NOT_FOUND: Responses = {
    404: {"model": Problem, "description": "No such camera"},
}
INVALID: Responses = {
    422: {"model": Problem, "description": "A field is wrong"},
}
