"""Bodies are refused before they are read, whoever sends them."""

import json

import pytest

from tests.service.conftest import ADMIN_TOKEN, READ_TOKEN
from tests.service.raw_http import raw_http

BODY_BYTES = 1 << 16
TOO_LONG = b'{"detail":"a body may have at most 65536 bytes here"}'


@pytest.mark.parametrize("request_line", [b"POST /v1/cameras", b"PATCH /v1/cameras/x"])
@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 65537\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n10001\r\n" + b" " * (BODY_BYTES + 1),
    ],
    ids=["announced", "in chunks"],
)
async def test_a_long_body_is_refused_before_its_end_and_without_a_token(serve, request_line, body):
    service = await serve(read_token=READ_TOKEN, admin_token=ADMIN_TOKEN)
    async with raw_http(service) as http:
        http.send(request_line + b" HTTP/1.1\r\nHost: localhost\r\n" + body)
        assert await http.answer() == (413, TOO_LONG)


async def test_a_body_as_long_as_it_may_be(serve):
    service = await serve()
    camera = json.dumps({"id": "x", "url": "dv://127.0.0.1:1"}).encode().ljust(BODY_BYTES)
    for body, status in ((camera + b" ", 413), (camera, 201)):
        answer = await service.http.post(
            "/v1/cameras", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status
