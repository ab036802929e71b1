"""One camera that sends more than 10 M events/s to a service with the baseline model."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from service.bench.feeder import Feeder, Rig, Run
from service.bench.relay import Relay, Wires
from service.bench.result import Effort, Goal, Result, Say
from service.bench.served import Served

#: 5 % more than asked for, so that a start and an end do not spoil a rate that was kept.
_RIG = Rig(cameras=1, width=640, height=480, packet_events=10_500, packet_us=1000)
_PACKETS_PER_S = 1000.0
_WINDOW_PACKETS = 100
_PATIENCE_S = 3.0
_LONGEST_S = 120.0
_FLOOR_OF = "the same bytes into a bare asyncio TCP sink"


@dataclass(frozen=True)
class _Taken:
    """What became of a run: events sent, events counted, and in how many seconds."""

    sent: int
    counted: int
    seconds: float
    late_s: float
    outside: int = 0
    dropped_windows: int = 0
    cpu_s: float = 0.0

    @property
    def lost(self) -> int:
        """Events that did not reach a window."""
        return self.sent - self.counted + self.outside

    @property
    def rate(self) -> float:
        """M events/s."""
        return self.counted / self.seconds / 1e6


def measure(effort: Effort, say: Say) -> Iterator[Result]:
    """Yield what was lost, the rate that was kept, and the rate when the feeder does not wait."""
    packets = effort.choose(10_000, 300)
    paced = Run(packets, _PACKETS_PER_S, _WINDOW_PACKETS)
    unpaced = Run(packets, 0, _WINDOW_PACKETS)
    service, service_unpaced = _into_service([paced, unpaced], say)
    sink, sink_unpaced = _into_sink([paced, unpaced], say)
    details = {
        "sent": service.sent,
        "counted": service.counted,
        "outside": service.outside,
        "feeder_late_s": service.late_s,
        "service_cpu_s": service.cpu_s,
        "windows_dropped_behind_the_builder": service.dropped_windows,
    }
    yield Result(
        family="ingest",
        name="one camera 640x480 at 10.5 M events/s: events lost",
        value=float(service.lost),
        unit="events",
        floor=float(sink.lost),
        floor_of=_FLOOR_OF,
        goal=Goal(0, "at most"),
        note=f"of {service.sent:,}",
        details=details,
    )
    yield Result(
        family="ingest",
        name="one camera 640x480 at 10.5 M events/s: rate taken",
        value=service.rate,
        unit="M events/s",
        floor=sink.rate,
        floor_of=_FLOOR_OF,
        goal=Goal(10),
        note=f"{service.seconds:.1f} s, {service.cpu_s:.1f} s of processor time in the service",
        details=details,
    )
    yield Result(
        family="ingest",
        name="one camera 640x480, unpaced: rate taken",
        value=service_unpaced.rate,
        unit="M events/s",
        floor=sink_unpaced.rate,
        floor_of=_FLOOR_OF,
        note=(
            f"{service_unpaced.lost} of {service_unpaced.sent:,} events lost; "
            f"{service_unpaced.seconds:.1f} s, {service_unpaced.cpu_s:.1f} s of processor time"
        ),
        details={
            "sent": service_unpaced.sent,
            "counted": service_unpaced.counted,
            "service_cpu_s": service_unpaced.cpu_s,
        },
    )


def _rate_of(run: Run) -> str:
    return "at 10.5 M events/s" if run.packets_per_s else "as fast as it goes"


def _into_service(runs: list[Run], say: Say) -> list[_Taken]:
    taken = []
    with Feeder(_RIG) as feeder, Served(feeder.ports) as served:
        before = served.camera(0)
        for run in runs:
            say(f"one camera {_rate_of(run)}: service")
            cpu_s = served.cpu_s()
            sent = feeder.run(run, _LONGEST_S)
            counted_ns = served.until_counted(0, before["events"] + sent.events, _PATIENCE_S)
            after = served.camera(0)
            taken.append(
                _Taken(
                    sent=sent.events,
                    counted=after["events"] - before["events"],
                    seconds=(counted_ns - sent.started_ns) / 1e9,
                    late_s=sent.late_s,
                    outside=after["outside"] - before["outside"],
                    dropped_windows=sum(after["dropped"].values())
                    - sum(before["dropped"].values()),
                    cpu_s=served.cpu_s() - cpu_s,
                )
            )
            before = after
    return taken


def _into_sink(runs: list[Run], say: Say) -> list[_Taken]:
    taken = []
    with Feeder(_RIG) as feeder:
        packets = accumulate(run.packets for run in runs)
        wires = Wires(
            ports=feeder.ports,
            header_bytes=feeder.header_bytes,
            window_bytes=_WINDOW_PACKETS * feeder.packet_bytes,
            milestones=tuple(feeder.header_bytes + n * feeder.packet_bytes for n in packets),
        )
        with Relay(wires) as relay:
            for run in runs:
                say(f"one camera {_rate_of(run)}: bare sink")
                sent = feeder.run(run, _LONGEST_S)
                # Reached when every byte has come, and not before.
                seconds = (relay.milestone_ns(_LONGEST_S) - sent.started_ns) / 1e9
                taken.append(_Taken(sent.events, sent.events, seconds, sent.late_s))
    return taken
