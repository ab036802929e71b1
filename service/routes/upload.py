"""``POST /v1/anonymize``: a recording in, its anonymized windows out."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from safetensors.numpy import save
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from events.errors import EventDataError
from events.packet import Packet, SensorSize
from events.recording import SniffingDecoder
from events.text import TimeUnit
from events.window import WindowSpec
from models.anonymizer import Anonymizer
from service.anonymize import DoesNotFit, Tally, anonymize_packets, fitting_spec
from service.body_limit import announces_more
from service.config import Limits, Pixels
from service.guard import INVALID, UNAUTHORIZED, Problem, Read, ServiceOf
from service.message import STREAM_TYPE, TensorType, frame
from service.service import WITHHELD, Refused, Service

log = logging.getLogger(__name__)

router = APIRouter(tags=["windows"])

PATH = "/v1/anonymize"
_NAME = "upload"
_PIECE_BYTES = 1 << 20


def _decode(body: bytearray, decoder: SniffingDecoder) -> Iterator[Packet]:
    view = memoryview(body)
    for start in range(0, len(view), _PIECE_BYTES):
        yield from decoder.feed(view[start : start + _PIECE_BYTES])
    yield from decoder.finish()


@router.post(
    PATH,
    summary="Anonymize a recording",
    dependencies=[Read],
    response_class=StreamingResponse,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "AEDAT 2.0, 3.1 or 4, Prophesee RAW or DAT, or text `t x y p`",
            "content": {"application/octet-stream": {"schema": {"type": "string"}}},
        }
    },
    responses={
        200: {
            "content": {STREAM_TYPE: {"schema": {"type": "string", "format": "binary"}}},
            "description": (
                "Messages, each after its length as little-endian uint32. The last one holds no "
                "tensor; its metadata are `end` (`complete` or `error`), `error`, `windows`, "
                "`events`, `outside` and `dropped`."
            ),
        },
        **UNAUTHORIZED,
        **INVALID,
        408: {"model": Problem, "description": "The body did not go on for limits.stall_s"},
        413: {"model": Problem, "description": "Larger than limits.upload_bytes"},
        429: {"model": Problem, "description": "limits.uploads are under way"},
        503: {"model": Problem, "description": "The model or its audit cannot be trusted"},
    },
)
async def anonymize(
    request: Request,
    service: ServiceOf,
    dtype: TensorType = "float32",
    width: Pixels | None = None,
    height: Pixels | None = None,
    time_unit: Annotated[TimeUnit | None, Query(description="of a text recording")] = None,
) -> StreamingResponse:
    """Decode the body, cover every window once, and stream the windows back.

    The body is held in memory, never in a file: raw events are not written anywhere.
    """
    anonymizer = service.require_ready()
    if service.uploads.locked():
        raise Refused(429, f"limits.uploads {service.config.limits.uploads} are under way")
    await service.uploads.acquire()
    try:
        body = await _read(request, service.config.limits)
        decoder = SniffingDecoder(_NAME, time_unit=time_unit)
        packets = _decode(body, decoder)
        # The first packet says what the recording is; what is wrong with it by then can
        # still be said with a status of its own.
        first = await run_in_threadpool(next, packets, None)
        sensor = SensorSize(width, height) if width and height else decoder.sensor
        if sensor is None:
            raise Refused(422, "the recording does not say its sensor's size: width, height")
        spec = fitting_spec(anonymizer.manifest, sensor, service.config.limits.window_bytes)
    except (EventDataError, DoesNotFit) as error:
        service.uploads.release()
        raise Refused(422, str(error)) from None
    except BaseException:
        service.uploads.release()
        raise
    return _Upload(
        _in_pieces(_windows(first, packets, spec, anonymizer, dtype, service)),
        service.config.limits.stall_s,
        service.uploads.release,
    )


class _Upload(StreamingResponse):
    """A windows stream that gives its place back however it ends: a client may be lost, or deaf."""

    def __init__(
        self, pieces: Iterator[bytes], stall_s: float, release: Callable[[], None]
    ) -> None:
        super().__init__(pieces, media_type=STREAM_TYPE)
        self._stall_s = stall_s
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._stall_s):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except TimeoutError:
            # The server hangs up on an answer that has no end.
            log.warning("an answer that was not read was left off")
        finally:
            self._release()


async def _read(request: Request, limits: Limits) -> bytearray:
    too_large = Refused(
        413, f"a recording may have at most limits.upload_bytes {limits.upload_bytes} bytes"
    )
    if announces_more(request.headers, limits.upload_bytes):
        raise too_large
    body = bytearray()
    pieces = request.stream()
    while True:
        try:
            async with asyncio.timeout(limits.stall_s):
                piece = await anext(pieces, None)
        except TimeoutError:
            problem = f"the recording did not go on for limits.stall_s {limits.stall_s:g} s"
            raise Refused(408, problem) from None
        except ClientDisconnect:
            # Nobody is there to read it, but so the request ends without an error of ours.
            raise Refused(400, "the client left before the end of the recording") from None
        if piece is None:
            return body
        body += piece
        if len(body) > limits.upload_bytes:
            raise too_large


def _in_pieces(messages: Iterator[bytes]) -> Iterator[bytes]:
    # However slow a client is, it reads some of a piece in time; of a window it may not.
    for message in messages:
        for start in range(0, len(message), _PIECE_BYTES):
            yield message[start : start + _PIECE_BYTES]


def _windows(
    first: Packet | None,
    rest: Iterator[Packet],
    spec: WindowSpec,
    anonymizer: Anonymizer,
    dtype: TensorType,
    service: Service,
) -> Iterator[bytes]:
    tally = Tally()
    error = ""

    def packets() -> Iterator[Packet]:
        if first is not None:
            yield first
        yield from rest

    try:
        for message in anonymize_packets(
            packets(), camera=_NAME, spec=spec, anonymizer=anonymizer, tally=tally
        ):
            # What the audit says may change while the recording is under way.
            if service.withheld:
                tally.dropped[WITHHELD] = tally.dropped.get(WITHHELD, 0) + 1
            else:
                yield frame(message.encode(dtype))
    except EventDataError as problem:
        error = str(problem)
    end = {
        "end": "error" if error else "complete",
        "error": error,
        "windows": str(tally.windows),
        "events": str(tally.events),
        "outside": str(tally.outside),
        "dropped": str(sum(tally.dropped.values())),
    }
    yield frame(save({}, end))
