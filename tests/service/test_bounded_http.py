"""What a client can make the service keep before it has shown a token."""

import pytest

from tests.service.raw_http import raw_http

LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
HEAD_BYTES = 1 << 16


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /", b"a"),
        (LIVE + b"X: ", b"a"),
        (LIVE, b"X: a\r\n"),
        (LIVE + CHUNKED + b"0\r\n", b"X: a\r\n"),
        (LIVE + CHUNKED + b"1\r\na\r\n0\r\n", b"X: a\r\n"),
    ],
    ids=["an address", "a header", "headers", "trailers", "trailers of a body"],
)
async def test_what_does_not_end_is_hung_up_on(serve, start, more):
    service = await serve()
    async with raw_http(service) as http:
        http.send(start)
        http.send(more * (16 * HEAD_BYTES // len(more)))
        await http.hung_up()
    assert (await service.http.get("/health/live")).status_code == 200


async def test_a_head_is_refused_with_its_last_byte_too_many(serve):
    service = await serve()
    head = LIVE + b"X: "
    async with raw_http(service) as http:
        http.send(head + b"a" * (HEAD_BYTES - len(head) + 1))
        assert await http.answer() == (400, b"A request's head may have at most 65536 bytes.")


async def test_long_heads_one_after_another_are_taken(serve):
    service = await serve()
    for _ in range(4):
        answer = await service.http.get("/health/live", headers={"X": "a" * (HEAD_BYTES // 2)})
        assert answer.status_code == 200


async def test_a_long_body_is_no_head(serve):
    service = await serve()
    body = b"1 2 3 1\n" * HEAD_BYTES
    answer = await service.http.post("/v1/anonymize?width=8&height=8", content=body)
    assert answer.status_code == 200


@pytest.mark.parametrize(("headers", "status"), [(120, 200), (130, 400)])
async def test_headers_are_counted(serve, headers, status):
    service = await serve()
    async with raw_http(service) as http:
        http.send(LIVE + b"X: a\r\n" * headers + b"\r\n")
        assert (await http.answer())[0] == status


async def test_a_few_requests_may_be_sent_ahead(serve):
    service = await serve()
    async with raw_http(service) as http:
        http.send((LIVE + b"\r\n") * 17)
        assert [await http.answer() for _ in range(17)] == [(200, b"ok")] * 17
        http.send((LIVE + b"\r\n") * 100)
        while (status := (await http.answer())[0]) == 200:
            pass
        assert status == 400
