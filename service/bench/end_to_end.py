"""From a window's last event written to a camera's socket to its bytes at the subscriber.

::

    feeder process --DV/TCP--> service process --WebSocket--> this process
    feeder process --DV/TCP--> relay process   --TCP--------> this process      (the floor)

All processes read the one CLOCK_MONOTONIC of the machine. That a window is over is known
when the first event behind it arrives, with the next packet, 1 ms later: both have to wait
for that. What inference took is taken off the service's time, window by window: the service
logs it at level ``debug``. Waiting for another camera's inference is not taken off.
"""

import asyncio
import json
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from service.bench import machine
from service.bench.feeder import Feeder, Rig, Run, Sent
from service.bench.loop import run
from service.bench.relay import Relay, Wires
from service.bench.result import BenchError, Effort, Goal, Result, Say
from service.bench.served import Served
from service.bench.subscriber import Subscriber

_RIG = Rig(cameras=4, width=128, height=128, packet_events=500, packet_us=1000)
_WINDOW_PACKETS = 100
_PACKETS_PER_S = 1000.0
_PHASES = {"free-running": _WINDOW_PACKETS // 4, "in phase": 0}
_PERCENTILES = {50: None, 95: None, 99: Goal(5, "at most")}
#: Windows at the start of a round that do not count.
_WARM_UP_WINDOWS = 5
#: For what is under way when the last packet was written; then a window is missing.
_PATIENCE_S = 2.0
_START_S = 60.0

#: Nanoseconds at which messages arrived: ``[camera][window]``.
Arrivals = list[dict[int, int]]
#: By camera: when each message came, its size and its first bytes.
Messages = list[list[tuple[int, int, bytes]]]


@dataclass(frozen=True)
class _Round:
    """One round's latencies in ms, and what else is to be known of it."""

    latencies_ms: list[float]
    missing: int
    late_ms: float
    inference_ms: float = 0.0
    message_bytes: int = 0
    cpu_ms: float = 0.0
    stolen_s: float = 0.0


def measure(effort: Effort, say: Say) -> Iterator[Result]:
    """Yield the percentiles, for cameras whose windows end at different times or at once."""
    windows = effort.choose(100, 2 * _WARM_UP_WINDOWS)
    rounds = effort.choose(2, 1)
    with Feeder(_RIG) as feeder, Served(feeder.ports, log_level="debug") as served:
        for phase, phase_packets in _PHASES.items():
            wanted = Run(
                packets=windows * _WINDOW_PACKETS + 1,
                packets_per_s=_PACKETS_PER_S,
                window_packets=_WINDOW_PACKETS,
                phase_packets=phase_packets,
            )
            service, relay = [], []
            for number in range(rounds):
                say(f"end to end, {phase}, round {number + 1} of {rounds}: service")
                service.append(_through_service(feeder, served, wanted))
                say(f"end to end, {phase}, round {number + 1} of {rounds}: bare relay")
                relay.append(_through_relay(wanted, service[-1].message_bytes))
            yield from _results(phase, service, relay)


def _results(phase: str, service: list[_Round], relay: list[_Round]) -> Iterator[Result]:
    pooled = np.array([ms for each in service for ms in each.latencies_ms])
    floor = np.array([ms for each in relay for ms in each.latencies_ms])
    inference_ms = float(np.mean([each.inference_ms for each in service]))
    missing = sum(each.missing for each in service)
    stolen_s = sum(each.stolen_s for each in service)
    note = (
        f"{len(pooled)} windows, {missing} missing; less each window's inference, in the mean "
        f"{inference_ms:.2f} ms; the 1 ms until the next packet included; the host "
        f"withheld {stolen_s:.2f} s of the cores meanwhile"
    )
    for percentile, goal in _PERCENTILES.items():
        yield Result(
            family="end-to-end",
            name=f"4 cameras 128x128, {phase}: p{percentile} of window latency",
            value=float(np.percentile(pooled, percentile)),
            unit="ms",
            floor=float(np.percentile(floor, percentile)),
            floor_of="the same bytes through a bare asyncio TCP relay",
            goal=goal,
            note=note if goal else "",
            details={
                "windows": len(pooled),
                "missing": missing,
                "inference_ms": inference_ms,
                "service_cpu_ms_per_window": float(np.mean([each.cpu_ms for each in service])),
                "stolen_s": stolen_s,
                "relay_missing": sum(each.missing for each in relay),
                "message_bytes": service[-1].message_bytes,
                "feeder_late_ms": max(each.late_ms for each in service),
                "relay_feeder_late_ms": max(each.late_ms for each in relay),
            },
        )


def _through_service(feeder: Feeder, served: Served, wanted: Run) -> _Round:
    before_s, before = served.inference()
    before_cpu_s, before_stolen_s = served.cpu_s(), machine.stolen_s()
    sent, messages = run(_subscribe_service(served.url, feeder, wanted))
    cpu_s = served.cpu_s() - before_cpu_s
    stolen_s = machine.stolen_s() - before_stolen_s
    after_s, after = served.inference()
    if after == before:
        raise BenchError("the service published no window")
    window_us = _WINDOW_PACKETS * _RIG.packet_us
    inference_s = served.logged_inference_s()
    arrivals: Arrivals = []
    for number, (camera, first_us) in enumerate(zip(messages, sent.first_us, strict=True)):
        arrived = {}
        for ns, _, head in camera:
            metadata = _metadata(head)
            window = (int(metadata["t_start_us"]) - first_us) // window_us
            took_s = inference_s[number, int(metadata["seq"])]
            arrived[window] = ns - round(1e9 * took_s)
        arrivals.append(arrived)
    timed = _round(sent, arrivals)
    inference_ms = 1e3 * (after_s - before_s) / (after - before)
    message_bytes = max(size for camera in messages for _, size, _ in camera)
    cpu_ms = 1e3 * cpu_s / (after - before)
    return replace(
        timed,
        inference_ms=inference_ms,
        message_bytes=message_bytes,
        cpu_ms=cpu_ms,
        stolen_s=stolen_s,
    )


def _metadata(head: bytes) -> dict[str, str]:
    (length,) = struct.unpack_from("<Q", head)
    metadata: dict[str, str] = json.loads(head[8 : 8 + length])["__metadata__"]
    return metadata


async def _subscribe_service(url: str, feeder: Feeder, wanted: Run) -> tuple[Sent, Messages]:
    subscribers = [
        await Subscriber.connect(url, f"/v1/cameras/{number}/windows")
        for number in range(len(feeder.ports))
    ]
    messages = [subscriber.messages for subscriber in subscribers]
    last = wanted.packets // wanted.window_packets - 1
    last_us = last * wanted.window_packets * _RIG.packet_us

    def complete(sent: Sent) -> bool:
        return all(
            came and int(_metadata(came[-1][2])["t_start_us"]) >= first_us + last_us
            for came, first_us in zip(messages, sent.first_us, strict=True)
        )

    try:
        sent = await _feed(feeder, wanted, complete)
    finally:
        for subscriber in subscribers:
            subscriber.close()
    if not any(messages):
        raise BenchError("the service sent no window")
    return sent, messages


def _through_relay(wanted: Run, message_bytes: int) -> _Round:
    with Feeder(_RIG) as feeder:
        wires = Wires(
            ports=feeder.ports,
            header_bytes=feeder.header_bytes,
            window_bytes=_WINDOW_PACKETS * feeder.packet_bytes,
            message_bytes=message_bytes,
        )
        with Relay(wires) as relay:
            sent, arrivals = run(_subscribe_relay(relay.port, feeder, wanted, message_bytes))
    if not any(arrivals):
        raise BenchError("the relay passed nothing on")
    return _round(sent, arrivals)


class _Counter(asyncio.Protocol):
    """Notes when each message of a known size is complete."""

    def __init__(self, number: int, message_bytes: int, arrived: dict[int, int]) -> None:
        self._number = number
        self._message_bytes = message_bytes
        self._arrived = arrived
        self._received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        cast("asyncio.Transport", transport).write(bytes([self._number]))

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        while self._received >= (len(self._arrived) + 1) * self._message_bytes:
            self._arrived[len(self._arrived)] = time.monotonic_ns()


async def _subscribe_relay(
    port: int, feeder: Feeder, wanted: Run, message_bytes: int
) -> tuple[Sent, Arrivals]:
    arrivals: Arrivals = [{} for _ in feeder.ports]
    loop = asyncio.get_running_loop()
    transports = []
    for number, arrived in enumerate(arrivals):
        counter = _Counter(number, message_bytes, arrived)
        transport, _ = await loop.create_connection(lambda it=counter: it, "127.0.0.1", port)  # type: ignore[misc]
        transports.append(transport)
    try:
        windows = wanted.packets // wanted.window_packets
        sent = await _feed(feeder, wanted, lambda _: min(map(len, arrivals)) >= windows)
    finally:
        for transport in transports:
            transport.close()
    return sent, arrivals


async def _feed(feeder: Feeder, wanted: Run, complete: Callable[[Sent], bool]) -> Sent:
    """Make the run, and wait until every window has come, or none would come any more."""
    seconds = wanted.packets / wanted.packets_per_s
    sent = await asyncio.to_thread(feeder.run, wanted, seconds + _START_S)
    deadline_s = time.monotonic() + _PATIENCE_S
    while not complete(sent) and time.monotonic() < deadline_s:
        await asyncio.sleep(0.01)
    return sent


def _round(sent: Sent, arrivals: Arrivals) -> _Round:
    """A missing window counts as one that took as long as the whole round."""
    longest_ms = (sent.ended_ns - sent.started_ns) / 1e6
    latencies_ms = []
    missing = 0
    for written, arrived in zip(sent.written_ns, arrivals, strict=True):
        for window, written_ns in list(enumerate(written))[_WARM_UP_WINDOWS:]:
            if window in arrived:
                latencies_ms.append((arrived[window] - written_ns) / 1e6)
            else:
                latencies_ms.append(longest_ms)
                missing += 1
    return _Round(latencies_ms, missing, 1e3 * sent.late_s)
