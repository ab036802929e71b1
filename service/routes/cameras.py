"""``/v1/cameras``: add, change and remove cameras while the service runs."""

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from service.config import CameraConfig, Pixels, first_problem
from service.guard import (
    FORBIDDEN,
    INVALID,
    NOT_FOUND,
    UNAUTHORIZED,
    Admin,
    CameraPath,
    Problem,
    Responses,
    ScopeOf,
    ServiceOf,
)
from service.service import Refused
from service.status import CameraStatus

router = APIRouter(prefix="/v1/cameras", tags=["cameras"])

_CONFLICT: Responses = {409: {"model": Problem, "description": "The id or the source is taken"}}
_STOPPED: Responses = {503: {"model": Problem, "description": "The service is shutting down"}}
_TOO_LONG: Responses = {
    413: {"model": Problem, "description": "The body is longer than a camera's"}
}
_NOT_READY: Responses = {
    503: {
        "model": Problem,
        "description": "The model or its audit cannot be trusted, or the service is shutting down",
    }
}


class CameraList(BaseModel):
    """Every camera."""

    cameras: list[CameraStatus]


class CameraChange(BaseModel):
    """Fields to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    enabled: bool | None = None


@router.get("", summary="List cameras", responses={**UNAUTHORIZED})
async def list_cameras(service: ServiceOf, scope: ScopeOf) -> CameraList:
    """Every camera with its state, rates and drops."""
    return CameraList(cameras=service.statuses(exact=scope == "admin"))


@router.post(
    "",
    summary="Add a camera",
    status_code=201,
    dependencies=[Admin],
    responses={**FORBIDDEN, **INVALID, **_TOO_LONG, **_CONFLICT, **_NOT_READY},
)
async def add_camera(config: CameraConfig, service: ServiceOf) -> CameraStatus:
    """Start reading a camera. One source is read once: a second camera on it is refused."""
    return await service.add(config)


@router.get(
    "/{id}",
    summary="One camera",
    responses={**UNAUTHORIZED, **NOT_FOUND, **INVALID},
)
async def get_camera(camera_id: CameraPath, service: ServiceOf, scope: ScopeOf) -> CameraStatus:
    """A camera's state, rates and drops."""
    return service.status(camera_id, exact=scope == "admin")


@router.patch(
    "/{id}",
    summary="Change, pause or resume a camera",
    dependencies=[Admin],
    responses={**FORBIDDEN, **NOT_FOUND, **INVALID, **_TOO_LONG, **_CONFLICT, **_STOPPED},
)
async def change_camera(
    camera_id: CameraPath, change: CameraChange, service: ServiceOf
) -> CameraStatus:
    """Apply the fields given; the camera reconnects, its subscribers stay."""

    def update(known: CameraConfig) -> CameraConfig:
        fields = known.model_dump() | change.model_dump(exclude_unset=True)
        try:
            return CameraConfig.model_validate(fields)
        except ValidationError as error:
            raise Refused(422, first_problem(error)) from None

    return await service.change(camera_id, update)


@router.delete(
    "/{id}",
    summary="Remove a camera",
    status_code=204,
    dependencies=[Admin],
    responses={**FORBIDDEN, **NOT_FOUND, **INVALID},
)
async def remove_camera(camera_id: CameraPath, service: ServiceOf) -> Response:
    """Stop reading it; its subscribers' sockets are closed with code 4410."""
    await service.remove(camera_id)
    return Response(status_code=204)
