import socket

import numpy as np
import pytest

from events.dv import DvEncoder
from events.packet import Packet
from tests.events.encoders import dat
from tests.training.datasets.makers import SENSOR, events
from tests.training.enrolment.makers import PlainPeer, dv_camera
from training.enrolment import camera as cameras
from training.enrolment.camera import Camera
from training.errors import TrainingError


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dv://",
        "dv://host",
        "dv://:7777",
        "dv://host:99999",
        "dv://host:x",
        "dv://host:1/path",
        "dv://me@host:1",
        "http://host:1",
        "file:///etc/passwd",
        "evt3://host:1",
        "host:1",
        "dv://[::1:7",
    ],
)
def test_what_is_no_camera_is_one_line(url: str) -> None:
    with pytest.raises(TrainingError, match=r"is neither dv://HOST:PORT nor raw://HOST:PORT"):
        Camera(url)


def test_the_projects_own_server_is_a_camera() -> None:
    sent = [events(1), events(2, start_us=30_000)]
    with dv_camera(sent) as url:
        camera = Camera(url)
        packets = camera.packets()
        got = []
        while sum(map(len, got)) < 800:
            got += [one.copy() for one in [next(packets)] if one is not None]
        assert (np.concatenate(got) == np.concatenate(sent)).all()
        assert camera.sensor == SENSOR
        # Quiet from here on, and that is no end.
        assert next(packets) is None
        packets.close()


def next_with(packets, peer: PlainPeer, data: bytes) -> Packet:
    """Connect by asking for a packet, send ``data``, and ask until events are there."""
    next(packets)
    peer.accept().sendall(data)
    return next(one for one in packets if one is not None).copy()


def test_what_states_itself_in_a_header_is_read() -> None:
    header = b"% Version 2\n% Height 12\n% Width 16\n"
    with PlainPeer() as peer:
        camera = Camera(peer.url.replace("dv", "raw"))
        packets = camera.packets()
        # Another of its formats, EVT 3.0 for instance, only takes longer to test.
        assert (next_with(packets, peer, dat(events(1), header=header)) == events(1)).all()
        assert camera.sensor == SENSOR
        packets.close()


def test_a_camera_that_does_not_say_its_size_is_one_line() -> None:
    with PlainPeer() as peer:
        camera = Camera(peer.url.replace("dv", "raw"))
        packets = camera.packets()
        next_with(packets, peer, dat(events(1), header=b"% Version 2\n"))
        with pytest.raises(TrainingError, match=rf"^{camera.url}: says no size of its sensor$"):
            _ = camera.sensor
        packets.close()


def test_a_camera_that_is_not_there_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    for url, problem in (
        (f"dv://127.0.0.1:{port}", "Connection refused"),
        ("dv://a..b:1", "cannot be reached|not known"),
    ):
        with pytest.raises(TrainingError, match=f"^{url}: .*({problem})"):
            next(Camera(url).packets())


def test_a_camera_that_ends_is_one_line() -> None:
    with dv_camera([events(1)], stays=False) as url, pytest.raises(TrainingError) as caught:
        list(Camera(url).packets())
    assert str(caught.value) == f"{url}: closed the connection"


@pytest.mark.parametrize("stop", [2, 60, -3])
def test_an_end_within_a_packet_says_where(stop: int) -> None:
    encoder = DvEncoder(SENSOR)
    data = (encoder.header + encoder.packet(events(1)))[:stop]
    with PlainPeer() as peer:
        packets = Camera(peer.url).packets()
        next(packets)
        connection = peer.accept()
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with pytest.raises(TrainingError, match=rf"^{peer.url}: offset \d+: .* cut off"):
            list(packets)


def test_garbage_is_one_line() -> None:
    with PlainPeer() as peer:
        packets = Camera(peer.url).packets()
        next(packets)
        peer.accept().sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        with pytest.raises(TrainingError, match=r"offset 0: header length: .*is this a DV server"):
            list(packets)


def test_a_peer_without_a_header_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "_HEADER_S", 0.0)
    with PlainPeer() as peer, pytest.raises(TrainingError) as caught:
        list(Camera(peer.url).packets())
    assert str(caught.value) == f"{peer.url}: sent no header within 0 s"


def test_nothing_is_opened_before_packets_are_read() -> None:
    with PlainPeer() as peer:
        Camera(peer.url).packets()
        assert not peer.was_called
