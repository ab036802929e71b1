"""Other sites' pages get nothing, the service's own page everything."""

import pytest

from tests.service.conftest import ADMIN_TOKEN, READ_TOKEN

TOKENS = {"read_token": READ_TOKEN, "admin_token": ADMIN_TOKEN}


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://127.0.0.1:1"])
@pytest.mark.parametrize("tokens", [{}, TOKENS], ids=["without tokens", "with tokens"])
async def test_another_sites_page_is_refused(serve, origin, tokens):
    service = await serve(token=ADMIN_TOKEN, **tokens)
    for method, path in (
        ("GET", "/v1/cameras"),
        ("POST", "/v1/cameras"),
        ("POST", "/v1/anonymize"),
        ("OPTIONS", "/v1/anonymize"),
        ("GET", "/"),
    ):
        answer = await service.http.request(
            method,
            path,
            headers={"Origin": origin},
            json={"id": "x", "url": "dv://127.0.0.1:1"} if method == "POST" else None,
        )
        assert (answer.status_code, answer.json()) == (403, {"detail": "another site's page"})
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert (await service.http.get("/v1/cameras")).json() == {"cameras": []}


async def test_the_services_own_page_is_answered(serve):
    service = await serve()
    camera = {"id": "x", "url": "dv://127.0.0.1:1"}
    headers = {"Origin": service.server.url}
    answer = await service.http.post("/v1/cameras", json=camera, headers=headers)
    assert answer.status_code == 201
