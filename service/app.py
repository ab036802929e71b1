"""HTTP: the application, its guards, and the addresses that are not about cameras."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from models.audit import Suite, Verdict, Worst
from models.manifest import Manifest
from service.audit import AuditWatch, AuditWord
from service.auth import Tokens
from service.body_limit import BodyLimit
from service.config import Config, is_loopback
from service.guard import Problem, Read, ServiceOf
from service.headers import SecurityHeaders
from service.origin import SameOrigin
from service.routes import cameras, upload, windows
from service.service import Refused, Service

log = logging.getLogger(__name__)

_VIEWER = Path(__file__).parent / "viewer"
#: A camera in JSON needs less.
_BODY_BYTES = 1 << 16
router = APIRouter()


class Health(BaseModel):
    """Whether the service works, and if not, why."""

    ready: bool
    reason: str | None


class AuditInfo(BaseModel):
    """What the model's audit is worth now; what it says is given where its signature holds."""

    state: AuditWord
    reason: Annotated[str, Field(description="why it is in this state, in one line")]
    verdict: Verdict | None
    finished: datetime | None
    age_s: Annotated[float | None, Field(description="since it finished")]
    suite: Suite | None
    synthetic: Annotated[
        bool | None, Field(description="whether no real person's recording was attacked")
    ]
    worst: Annotated[
        Worst | None, Field(description="the worst attack and its interval, in percent")
    ]


class ModelInfo(BaseModel):
    """The model that covers every window, and where it runs."""

    name: str
    version: str
    profile: str
    sha256: str
    device: Annotated[str, Field(description="where the model truly runs: cpu or cuda")]
    provider: str
    ready: bool
    reason: str | None
    audit: AuditInfo
    manifest: Annotated[
        Manifest, Field(description="as it was loaded; `audit` beside it is what is now")
    ]


@router.get("/health/live", summary="Is the process alive?", response_class=PlainTextResponse)
async def live() -> str:
    """Answers ``ok`` as long as the event loop runs."""
    return "ok"


@router.get(
    "/health/ready",
    summary="Can it anonymize?",
    responses={503: {"model": Health, "description": "Nothing is published; see `reason`"}},
)
async def ready(service: ServiceOf, response: Response) -> Health:
    """200 when the model is loaded, its hash holds and its self-test passed.

    With the audit policy `required`, a passing audit is needed as well.
    """
    reason = service.not_ready
    response.status_code = 503 if reason else 200
    return Health(ready=reason is None, reason=reason)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    dependencies=[Read],
    response_class=PlainTextResponse,
    responses={401: {"model": Problem}},
)
async def metrics(service: ServiceOf) -> Response:
    """Counts and times; needs the scope `read` where tokens are configured."""
    return Response(service.exposition(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get(
    "/v1/model",
    summary="The model in use",
    dependencies=[Read],
    responses={401: {"model": Problem}, 503: {"model": Problem}},
)
async def model(service: ServiceOf) -> ModelInfo:
    """The manifest, the device that the model truly runs on, and what its audit is worth."""
    if service.anonymizer is None or service.audit is None:
        raise Refused(503, f"not ready: {service.not_ready}")
    manifest = service.anonymizer.manifest
    return ModelInfo(
        name=manifest.name,
        version=manifest.version,
        profile=manifest.profile,
        sha256=manifest.sha256,
        device=service.anonymizer.device,
        provider=service.anonymizer.provider,
        ready=service.not_ready is None,
        reason=service.not_ready,
        audit=_audit_info(service.audit),
        manifest=manifest,
    )


def _audit_info(audit: AuditWatch) -> AuditInfo:
    now = audit.state
    said = now.statement
    return AuditInfo(
        state=now.state,
        reason=now.reason,
        verdict=said.verdict if said else None,
        finished=said.finished if said else None,
        age_s=now.age_s(audit.clock()),
        suite=said.suite if said else None,
        synthetic=said.synthetic if said else None,
        worst=said.worst if said else None,
    )


@router.get("/", include_in_schema=False)
async def viewer() -> FileResponse:
    """The viewer page."""
    return FileResponse(_VIEWER / "index.html")


def create_app(service: Service) -> FastAPI:
    """The ASGI application of ``service``; its lifespan starts and stops the service."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="AnonyNoise Edge",
        version="1",
        description="Anonymized event windows. Raw events go in; nothing raw comes out.",
        lifespan=lifespan,
        # Their pages load scripts from elsewhere; the schema itself is at /openapi.json.
        docs_url=None,
        redoc_url=None,
        responses={403: {"model": Problem, "description": "Another site's page"}},
    )
    app.state.service = service
    app.state.tokens = Tokens(service.config)
    app.include_router(router)
    for routes in (cameras, windows, upload):
        app.include_router(routes.router)
    app.mount("/viewer", StaticFiles(directory=_VIEWER), name="viewer")
    _add_guards(app, service.config)
    return app


def _add_guards(app: FastAPI, config: Config) -> None:
    # What is added last is asked first.
    app.add_middleware(BodyLimit, limit=_BODY_BYTES, but_on=upload.PATH)
    app.add_middleware(SameOrigin)
    hosts = list(config.allowed_hosts)
    if hosts or is_loopback(config.address.host):
        # A page on the internet whose name resolves to 127.0.0.1 must not read cameras here.
        # This machine's own names stay, for its health check.
        hosts += ["localhost", "127.0.0.1", "[::1]"]
    if hosts:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)

    app.add_middleware(SecurityHeaders)

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, error.status)

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first: dict[str, Any] = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        problem = first["msg"].removeprefix("Value error, ")
        return JSONResponse({"detail": f"{field}: {problem}" if field else problem}, 422)

    @app.exception_handler(Exception)
    async def internal(_: Request, error: Exception) -> JSONResponse:
        log.error("request failed", extra={"error": type(error).__name__})
        return JSONResponse({"detail": "internal error"}, 500)
