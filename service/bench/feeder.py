"""Cameras for measurements: DV servers in a process of their own, punctual to 0.1 ms.

``python -m service.bench.feeder RIG`` says ``{"ports": [...], ...}``, waits for a client at
every port, then makes a run for every line of JSON it is told, and replies with what it did.
It blocks where a client does not read, and says how late that made it: nothing is dropped.
"""

import json
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from events.dv import DvEncoder
from events.packet import EVENT, SensorSize
from service.bench.child import Child
from service.bench.synthetic import uniform_events

#: Different packets that are sent in turn, with later times.
_TEMPLATES = 16
_CLIENT_S = 60.0
#: Event time between two runs: a gap so long starts a new segment at a run's first event.
_GAP_US = 2_000_000


@dataclass(frozen=True)
class Rig:
    """Cameras that all send packets of ``packet_events`` events over ``packet_us``."""

    cameras: int
    width: int
    height: int
    packet_events: int
    packet_us: int


@dataclass(frozen=True)
class Run:
    """What to send: ``packets`` a camera, ``packets_per_s`` of each (0: as fast as they go).

    Camera n begins ``n * phase_packets`` later. The moment of writing the last packet of every
    ``window_packets`` is noted.
    """

    packets: int
    packets_per_s: float
    window_packets: int
    phase_packets: int = 0


@dataclass
class Sent:
    """What was done. ``written_ns[camera][n]``: when window n's last events were written."""

    events: int = 0
    started_ns: int = 0
    ended_ns: int = 0
    late_s: float = 0.0
    first_us: list[int] = field(default_factory=list)
    written_ns: list[list[int]] = field(default_factory=list)


class Feeder:
    """The process, seen from the measurement."""

    def __init__(self, rig: Rig) -> None:
        self.child = Child("service.bench.feeder", json.dumps(asdict(rig)))
        try:
            said = self.child.reply(_CLIENT_S)
        except BaseException:
            self.child.__exit__()
            raise
        self.ports: list[int] = said["ports"]
        self.header_bytes: int = said["header_bytes"]
        self.packet_bytes: int = said["packet_bytes"]

    def __enter__(self) -> "Feeder":
        return self

    def __exit__(self, *_: object) -> None:
        self.child.__exit__()

    def run(self, run: Run, timeout_s: float) -> Sent:
        """Make a run, and wait for its end."""
        self.child.tell(asdict(run))
        return Sent(**self.child.reply(timeout_s))


class _Packets:
    """Encoded once; only the times are written anew, as encoding each would be too slow."""

    def __init__(self, rig: Rig, encoder: DvEncoder, seed: int) -> None:
        sensor = SensorSize(rig.width, rig.height)
        self._relative_us = []
        self._bytes = []
        self._times = []
        for n in range(_TEMPLATES):
            events = uniform_events(
                rig.packet_events, sensor, rig.packet_us, seed=_TEMPLATES * seed + n
            )
            data = bytearray(encoder.packet(events))
            # Uncompressed, a packet ends with its events.
            at = len(data) - events.nbytes
            structs = np.frombuffer(data, EVENT, len(events), at)
            assert (structs == events).all()
            self._relative_us.append(events["t"].copy())
            self._bytes.append(data)
            self._times.append(structs["t"])

    def at(self, number: int, t_us: int) -> bytearray:
        """Packet ``number``, its first event at ``t_us``; valid until 16 further ones."""
        n = number % _TEMPLATES
        np.add(self._relative_us[n], t_us, out=self._times[n])
        return self._bytes[n]


def _send(rig: Rig, run: Run, cameras: list[Any], t_us: list[int]) -> Sent:
    """``cameras``: (socket, packets); ``t_us``: each one's next event time, moved on here."""
    t_us[:] = [each_us + _GAP_US for each_us in t_us]
    sent = Sent(first_us=list(t_us), written_ns=[[] for _ in cameras])
    step_ns = round(1e9 / run.packets_per_s) if run.packets_per_s else 0
    sent.started_ns = time.monotonic_ns()
    late_ns = 0
    for tick in range(run.packets + run.phase_packets * (len(cameras) - 1)):
        ready = []
        for index, (client, packets) in enumerate(cameras):
            number = tick - index * run.phase_packets
            if 0 <= number < run.packets:
                ready.append((index, number, client, packets.at(number, t_us[index])))
                t_us[index] += rig.packet_us
        # A camera sends a packet once its time is over.
        due_ns = sent.started_ns + (tick + 1) * step_ns
        wait_ns = due_ns - time.monotonic_ns()
        if step_ns and wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        for index, number, client, data in ready:
            now_ns = time.monotonic_ns()
            late_ns = max(late_ns, now_ns - due_ns) if step_ns else 0
            if number % run.window_packets == run.window_packets - 1:
                sent.written_ns[index].append(now_ns)
            client.sendall(data)
            sent.events += rig.packet_events
    sent.ended_ns = time.monotonic_ns()
    sent.late_s = late_ns / 1e9
    return sent


def main(rig: Rig) -> None:
    """Serve until standard input ends."""
    encoder = DvEncoder(SensorSize(rig.width, rig.height))
    camera_packets = [_Packets(rig, encoder, seed) for seed in range(rig.cameras)]
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(rig.cameras)]
    said = {
        "ports": [listener.getsockname()[1] for listener in listeners],
        "header_bytes": len(encoder.header),
        "packet_bytes": len(camera_packets[0].at(0, 0)),
    }
    print(json.dumps(said), flush=True)
    cameras = []
    for listener, packets in zip(listeners, camera_packets, strict=True):
        listener.settimeout(_CLIENT_S)
        client, _ = listener.accept()
        client.settimeout(_CLIENT_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(encoder.header)
        cameras.append((client, packets))
    t_us = [0] * rig.cameras
    for line in sys.stdin:
        print(json.dumps(asdict(_send(rig, Run(**json.loads(line)), cameras, t_us))), flush=True)


if __name__ == "__main__":
    main(Rig(**json.loads(sys.argv[1])))
