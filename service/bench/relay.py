"""The floor of a service: reads the cameras' bytes, and sends as many bytes a window on.

``python -m service.bench.relay WIRES`` connects to every camera, says at which port it
listens, and tells each subscriber (who first sends its camera's number as one byte) a message
as soon as a byte behind a window's last arrives: just when a service can know that the window
is over. It says when as many bytes of a camera have come as ``milestones`` has.
"""

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, cast

from service.bench.child import Child
from service.bench.loop import run

_START_S = 60.0


@dataclass(frozen=True)
class Wires:
    """Where the cameras are, and what lies on the wire; a sink has no ``message_bytes``."""

    ports: list[int]
    header_bytes: int
    window_bytes: int
    message_bytes: int = 0
    milestones: tuple[int, ...] = ()


class Relay:
    """The process, seen from the measurement."""

    def __init__(self, wires: Wires) -> None:
        self.child = Child("service.bench.relay", json.dumps(asdict(wires)))
        try:
            self.port: int = self.child.reply(_START_S)["port"]
        except BaseException:
            self.child.__exit__()
            raise

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, *_: object) -> None:
        self.child.__exit__()

    def milestone_ns(self, timeout_s: float) -> int:
        """When the next milestone was reached."""
        return int(self.child.reply(timeout_s)["milestone_ns"])


class _Subscriber(asyncio.Protocol):
    def __init__(self, subscribers: dict[int, asyncio.WriteTransport]) -> None:
        self._subscribers = subscribers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._subscribers[data[0]] = self._transport


class _Camera(asyncio.Protocol):
    def __init__(self, number: int, wires: Wires, subscribers: dict[int, Any]) -> None:
        self._number = number
        self._wires = wires
        self._subscribers = subscribers
        self._message = bytes(wires.message_bytes)
        self._milestones = deque(wires.milestones)
        self._received = 0
        self._window = 0

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        wires = self._wires
        while self._received > wires.header_bytes + (self._window + 1) * wires.window_bytes:
            subscriber = self._subscribers.get(self._number)
            if subscriber:
                subscriber.write(self._message)
            self._window += 1
        while self._milestones and self._received >= self._milestones[0]:
            self._milestones.popleft()
            print(json.dumps({"milestone_ns": time.monotonic_ns()}), flush=True)


async def main(wires: Wires) -> None:
    """Relay until the process is ended."""
    subscribers: dict[int, asyncio.WriteTransport] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Subscriber(subscribers), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    for number, port in enumerate(wires.ports):
        await loop.create_connection(
            lambda number=number: _Camera(number, wires, subscribers),  # type: ignore[misc]
            "127.0.0.1",
            port,
        )
    await server.serve_forever()


if __name__ == "__main__":
    run(main(Wires(**json.loads(sys.argv[1]))))
