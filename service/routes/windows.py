"""Anonymized windows: the newest over REST, all of them over a WebSocket."""

import asyncio
import contextlib
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse

from service import close_codes
from service.auth import PROTOCOL, bearer, bearer_of_protocols
from service.guard import (
    INVALID,
    UNAUTHORIZED,
    CameraPath,
    Problem,
    Read,
    ServiceOf,
    get_service,
    get_tokens,
)
from service.hub import Closed, Subscription
from service.message import MESSAGE_TYPE, TensorType
from service.origin import ELSEWHERE, same_origin
from service.preview import preview_png
from service.service import Refused, Service

router = APIRouter(prefix="/v1/cameras", tags=["windows"])

_TYPES = {
    MESSAGE_TYPE: {"schema": {"type": "string", "format": "binary"}},
    "application/json": {
        "schema": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "properties": {"shape": {"type": "array", "items": {"type": "integer"}}},
        }
    },
    "image/png": {"schema": {"type": "string", "format": "binary"}},
}


def preferred(accept: str, offered: list[str]) -> str | None:
    """The offered media type that ``accept`` likes best (RFC 9110, 12.5.1); None for none."""
    best, best_quality = None, 0.0
    for name in offered:
        quality, exactness = 0.0, -1
        for part in accept.split(","):
            kind, *parameters = (piece.strip() for piece in part.split(";"))
            exact = {name: 2, name.split("/")[0] + "/*": 1, "*/*": 0}.get(kind.lower(), -1)
            if exact > exactness:
                exactness, quality = exact, 1.0
                for parameter in parameters:
                    if parameter.startswith("q="):
                        with contextlib.suppress(ValueError):
                            quality = float(parameter[2:])
        if exactness >= 0 and quality > best_quality:
            best, best_quality = name, quality
    return best


@router.get(
    "/{id}/windows/latest",
    summary="The newest window",
    dependencies=[Read],
    response_class=Response,
    responses={
        200: {"content": _TYPES, "description": "As safetensors, its header alone, or a picture"},
        **UNAUTHORIZED,
        404: {"model": Problem, "description": "No such camera, or no window yet"},
        406: {"model": Problem, "description": "None of the offered types is accepted"},
        **INVALID,
        503: {"model": Problem, "description": "The model's audit does not allow to publish"},
    },
)
async def latest(
    camera_id: CameraPath,
    service: ServiceOf,
    dtype: Annotated[TensorType, Query(description="of the tensor in safetensors")] = "float32",
    accept: Annotated[str, Header(description="safetensors, JSON or PNG")] = "*/*",
) -> Response:
    """The very bytes that subscribers got, the JSON header alone, or a PNG preview."""
    chosen = preferred(accept, list(_TYPES))
    if chosen is None:
        raise Refused(406, f"offered are {', '.join(_TYPES)}")
    message = service.latest(camera_id)
    headers = {"Vary": "Accept"}
    if chosen == "application/json":
        return JSONResponse(message.header(), headers=headers)
    if chosen == "image/png":
        picture = await asyncio.to_thread(preview_png, message)
        return Response(picture, media_type=chosen, headers=headers)
    return Response(message.encode(dtype), media_type=chosen, headers=headers)


@router.websocket("/{id}/windows")
async def stream(
    websocket: WebSocket,
    camera_id: CameraPath,
    dtype: Annotated[TensorType, Query()] = "float32",
) -> None:
    """Every window of a camera from now on, one safetensors message each.

    The token comes in the header ``Authorization``, or, from a browser, as the subprotocol
    ``anonynoise.bearer.<base64url of the token>`` beside ``anonynoise.v1``.
    """
    offered = list(websocket.scope.get("subprotocols", []))
    token = bearer(websocket.headers.get("authorization")) or bearer_of_protocols(offered)
    await websocket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
    service = get_service(websocket)
    if not same_origin(websocket):
        await websocket.close(close_codes.POLICY_VIOLATION, ELSEWHERE)
        return
    if get_tokens(websocket).scope(token) is None:
        await websocket.close(
            close_codes.UNAUTHORIZED, "wrong token" if token else "a token is required"
        )
        return
    try:
        subscription = service.subscribe(camera_id)
    except Refused as error:
        code = close_codes.NO_SUCH_CAMERA if error.status == 404 else close_codes.TRY_AGAIN_LATER
        await websocket.close(code, str(error))
        return
    try:
        await _serve(websocket, service, subscription, dtype)
    finally:
        service.hub.unsubscribe(camera_id, subscription)


async def _serve(
    websocket: WebSocket, service: Service, subscription: Subscription, dtype: TensorType
) -> None:
    """Send until either side has had enough; whatever the client says is not listened to."""
    sending = asyncio.create_task(_send(websocket, service, subscription, dtype))
    hearing = asyncio.create_task(_hear(websocket))
    _, pending = await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    results = await asyncio.gather(sending, hearing, return_exceptions=True)
    for result in results:
        if isinstance(result, Closed):
            with contextlib.suppress(RuntimeError):
                await websocket.close(result.code, result.reason)


async def _send(
    websocket: WebSocket, service: Service, subscription: Subscription, dtype: TensorType
) -> None:
    while True:
        message = await subscription.get()
        # The audit may not allow any more what it did when this was queued.
        if service.withheld:
            continue
        try:
            await websocket.send_bytes(message.encode(dtype))
        except (WebSocketDisconnect, RuntimeError):
            return


async def _hear(websocket: WebSocket) -> None:
    received: dict[str, Any] = {}
    while received.get("type") != "websocket.disconnect":
        received = dict(await websocket.receive())
