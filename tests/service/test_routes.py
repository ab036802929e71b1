"""Choosing an answer's type, and tokens that come as a subprotocol."""

import base64

import pytest

from service.auth import bearer, bearer_of_protocols
from service.routes.windows import preferred

OFFERED = ["application/vnd.safetensors", "application/json", "image/png"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("*/*", OFFERED[0]),
        ("application/json", OFFERED[1]),
        ("image/*", OFFERED[2]),
        ("application/*;q=0.2, image/png;q=0.8", OFFERED[2]),
        ("application/vnd.safetensors;q=0, */*;q=0.1", OFFERED[1]),
        ("IMAGE/PNG", OFFERED[2]),
        ("text/html", None),
        ("image/png;q=0", None),
        ("image/png;q=much", OFFERED[2]),
    ],
)
def test_accept(accept, chosen):
    assert preferred(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("header", "token"),
    [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("", None), (None, None)],
)
def test_bearer(header, token):
    assert bearer(header) == token


@pytest.mark.parametrize("token", ["a" * 16, "ümläut-töken-🙂", "?/+&=#"])
def test_a_browsers_token(token):
    text = base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()
    assert bearer_of_protocols(["anonynoise.v1", f"anonynoise.bearer.{text}"]) == token


@pytest.mark.parametrize("protocols", [[], ["anonynoise.v1"], ["anonynoise.bearer.\xff!"]])
def test_no_token(protocols):
    assert not bearer_of_protocols(protocols)
