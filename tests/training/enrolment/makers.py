"""Enrolled people without a camera, and cameras on real sockets."""

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from events.dv import DvEncoder
from events.dv_server import DvServer
from events.packet import Packet, SensorSize
from tests.training.datasets.makers import SENSOR
from training.enrolment.consent import ANSWER, ConsentFile, text_sha256, typed
from training.enrolment.private_file import create
from training.enrolment.recording import Taken, record
from training.enrolment.sealed import Sealer
from training.enrolment.secret import KeyFile, Secret
from training.enrolment.session import PersonRecord, Recording, Session
from training.enrolment.session_folder import SESSION, workplace

#: A guard against hangs: a process may take long to start on a busy machine.
_HANG_S = 120


@dataclass(frozen=True)
class StillCamera:
    """Sends its packets, then nothing for ever."""

    sent: Sequence[Packet | None]
    sensor: SensorSize = SENSOR
    url: str = "dv://still:1"

    def packets(self) -> Iterator[Packet | None]:
        yield from self.sent
        while True:
            yield None


class Clock:
    """A second has passed at every look."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1
        return self.now_s


def taken_into(sealer: Sealer, sent: Sequence[Packet | None], **options) -> Taken:
    """``record`` of a still camera."""
    options = {"seconds": 5.0, "stop": lambda: False, "progress": lambda _: None} | options
    label, lighting = options.pop("label", "wave"), options.pop("lighting", "led")
    return record(StillCamera(sent), sealer, label, lighting, clock=Clock(), **options)


def key_file(folder: Path) -> KeyFile:
    """Where a key is made, or was."""
    return KeyFile(folder / "enrol.key")


def enrolled(
    root: Path,
    sent: Sequence[Packet],
    *,
    secret: Secret | None = None,
    subject: str = "Ada",
    split: str = "train",
    keep: bool = False,
    **options: str,
) -> Recording:
    """One recording more in the session ``root``."""
    secret = secret or key_file(root.parent)
    with workplace(root) as draft:
        begin = None
        if (root / SESSION).exists():
            session = Session.open(root, secret)
        else:
            session, begin = Session.new(root, secret, keep)
        parts = {"subject": subject, "split": split, "consent": typed(ANSWER, keep)}
        person = session.person(subject) or session.new_person(PersonRecord(**parts))
        with create(draft / "events") as file:
            sealer = Sealer(file)
            taken_into(sealer, sent, **options)
            if begin:
                begin()
            return session.commit(person, draft, sealer)


def consent_file(path: Path, subject: str = "Ada", keep: bool = False) -> Path:
    """The consent of ``subject`` on paper, as JSON."""
    given = ConsentFile(
        subject=subject,
        text_sha256=text_sha256(keep),
        answer=ANSWER,
        given_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    )
    path.write_text(given.model_dump_json())
    return path


def found_in(folder: Path, needles: Sequence[bytes]) -> set[bytes]:
    """Which of ``needles`` stand in a file below ``folder``, or in a name there."""
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    texts += [str(path.relative_to(folder)).encode() for path in folder.rglob("*")]
    return {needle for needle in needles for text in texts if needle in text}


def plain(packets: Sequence[Packet], *words: str) -> list[bytes]:
    """What must not be found: events, the wire's marks, and ``words``."""
    structs = [events[place:][:1].tobytes() for events in packets for place in (0, 7, -1)]
    return [*structs, b"EVTS", b"IOHE", b"outInfo", *(word.encode() for word in words)]


@contextmanager
def dv_camera(packets: Sequence[Packet], *, stays: bool = True) -> Iterator[str]:
    """The URL of the project's DV server, which sends ``packets`` to its first client.

    Then it ``stays`` without a word, or hangs up.
    """
    encoder = DvEncoder(SENSOR)
    server = DvServer(encoder.header)
    loop = asyncio.new_event_loop()
    listening = threading.Event()

    async def serve() -> None:
        await server.start()
        listening.set()
        await server.wait_for_client()
        for events in packets:
            server.publish(encoder.packet(events))
        if stays:
            await asyncio.Event().wait()

    task = loop.create_task(serve())

    def run() -> None:
        try:
            loop.run_until_complete(task)
        except asyncio.CancelledError:
            pass
        finally:
            loop.run_until_complete(server.close())
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert listening.wait(_HANG_S)
    try:
        yield f"dv://127.0.0.1:{server.port}"
    finally:
        if not loop.is_closed():
            loop.call_soon_threadsafe(task.cancel)
        thread.join()


class PlainPeer:
    """A TCP server of one connection, each byte of it decided by the test."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_HANG_S)
        self.url = f"dv://127.0.0.1:{self._listener.getsockname()[1]}"
        self.peer: socket.socket | None = None

    def __enter__(self) -> "PlainPeer":
        return self

    def __exit__(self, *_: object) -> None:
        if self.peer:
            self.peer.close()
        self._listener.close()

    def accept(self) -> socket.socket:
        """Wait for the client."""
        self.peer, _ = self._listener.accept()
        self.peer.settimeout(_HANG_S)
        return self.peer

    @property
    def was_called(self) -> bool:
        """Whether somebody connects, or did."""
        self._listener.settimeout(0)
        try:
            self.accept()
        except BlockingIOError:
            return self.peer is not None
        return True
