"""Addresses, and which of them are one place."""

import pytest

from service.address import CameraUrl, place_of


def place(url: str) -> str:
    return CameraUrl.parse(url).place


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "127.0.0.2", "0x7f.1", "2130706433", "0.0.0.0", "0", "LOCALHOST"),
        *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "[0:0:0:0:0:0:0:1]"),
    ],
)
def test_every_name_of_this_machine_is_one_place(host):
    assert place(f"dv://{host}:7777") == place("raw://localhost:7777")
    assert place(f"dv://{host}:7778") != place("raw://localhost:7777")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dv://192.168.1.20:1", "evt3://192.168.276:1"),
        ("dv://192.168.1.20:1", "dv://[::ffff:192.168.1.20]:1"),
        ("dv://[fd00::2]:1", "dv://[fd00:0:0::2]:1"),
        ("dv://Camera.example:1", "raw://camera.example:1"),
    ],
)
def test_one_address_written_in_two_ways(one, other):
    assert place(one) == place(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dv://192.168.1.20:1", "dv://192.168.1.20:2"),
        ("dv://192.168.1.20:1", "dv://192.168.1.21:1"),
        ("dv://camera.example:1", "dv://127.0.0.1:1"),
        # No name at all; it is refused where it is connected to.
        ("dv://a..b:1", "dv://127.0.0.1:1"),
        ("usb://inivation", "usb://prophesee"),
    ],
)
def test_two_places(one, other):
    assert place(one) != place(other)


def test_a_file_is_one_place_by_whatever_path(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("walk.raw")
    walk = place(f"file://{tmp_path}/walk.raw")
    for path in ("/walk.raw", "/./walk.raw", "/folder/../walk.raw", "/link"):
        assert place(f"file://{tmp_path}/{path}") == walk
    assert place(f"file://{tmp_path}/run.raw") != walk


def test_what_a_connection_leads_to():
    assert place_of(("192.168.1.20", 1), ("192.168.1.5", 40_000)) == place("dv://192.168.1.20:1")
    assert place_of(("192.168.1.5", 1), ("192.168.1.5", 40_000)) == place("dv://localhost:1")
    assert place_of(("::ffff:127.0.0.1", 1, 0, 0)) == place("dv://localhost:1")
    # The same link-local address on two links.
    links = {place_of(("fe80::1", 1, 0, link)) for link in (1, 2)}
    assert len(links) == 2
