import asyncio
import math
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from events.aedat4 import Aedat4Decoder, write_aedat4
from events.dv import DvDecoder, DvEncoder
from events.dv_compression import Compression
from events.dv_server import DvServer
from events.errors import EventDataError
from events.packet import Packet, SensorSize, packet
from service.commands.replay import STAND_IN, command
from service.replay import laps, replay
from tests.events.dv_oracles import HANG_S, joined

SENSOR = SensorSize(64, 48)


def some_events(count: int, seconds: float = 0.1, t_us: int = 1 << 50) -> Packet:
    rng = np.random.default_rng(count)
    return packet(
        t_us + np.sort(rng.integers(0, int(seconds * 1e6), count)),
        rng.integers(0, SENSOR.width, count),
        rng.integers(0, SENSOR.height, count),
        rng.integers(0, 2, count),
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording.aedat4"
    write_aedat4(path, [some_events(3000)], SENSOR)
    return path


@pytest.fixture
async def server() -> AsyncIterator[DvServer]:
    server = DvServer(DvEncoder(SENSOR).header)
    await server.start()
    yield server
    await server.close()


async def received(port: int, at_least: int | None = None) -> list[Packet]:
    """Packets from a DV server, to its end or until there are enough events."""
    decoder = DvDecoder()
    parts: list[Packet] = []
    async with asyncio.timeout(HANG_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while data := await reader.read(1 << 16):
            parts += [events.copy() for events in decoder.feed(data)]
            if at_least is not None and sum(map(len, parts)) >= at_least:
                break
        else:
            parts += decoder.finish()
        writer.close()
    return parts


def test_laps_move_time_on_by_whole_laps() -> None:
    lap = [some_events(5, t_us=1000), some_events(7, t_us=200_000)]
    looped = list(islice(laps(lambda: lap), 6))
    times = np.concatenate([events["t"] for events in looped])
    assert (np.diff(times) >= 0).all()
    assert (looped[0] == lap[0]).all()
    assert (looped[2]["t"] - looped[0]["t"]).std() == 0
    assert (looped[2]["x"] == lap[0]["x"]).all()
    assert (lap[0] == some_events(5, t_us=1000)).all(), "the recording itself stays as it is"


def test_a_loop_over_nothing_ends() -> None:
    assert list(laps(lambda: [])) == []
    assert list(laps(lambda: [some_events(0)])) == []


async def test_in_event_time_in_small_packets(server: DvServer) -> None:
    events = some_events(3000)
    loop = asyncio.get_running_loop()
    reading = asyncio.create_task(received(server.port, len(events)))
    await server.wait_for_client()
    start_s = loop.time()
    assert await replay(lambda: [events], DvEncoder(SENSOR), server) == 3000
    # Lower bound only: a recording of 0.1 s cannot have been over sooner.
    assert loop.time() - start_s > 0.09
    parts = await reading
    assert (joined(parts) == events).all()
    for part in parts:
        assert part["t"][-1] - part["t"][0] < 5_000
        assert len(part) <= 8192


async def test_as_fast_as_the_client_takes_it_nothing_is_dropped(server: DvServer) -> None:
    events = [some_events(50_000, 3600, n * 3_600_000_000) for n in range(20)]
    reading = asyncio.create_task(received(server.port, 1_000_000))
    await server.wait_for_client()
    async with asyncio.timeout(HANG_S):
        await replay(lambda: iter(events), DvEncoder(SENSOR), server, speed=math.inf)
    assert (joined(await reading) == joined(events)).all()
    assert server.dropped == 0


async def test_what_came_before_the_damage_is_published(server: DvServer) -> None:
    def damaged() -> Iterator[Packet]:
        yield some_events(100)
        raise EventDataError("cut off", source="file", offset=7)

    reading = asyncio.create_task(received(server.port, 100))
    await server.wait_for_client()
    with pytest.raises(EventDataError, match="file: offset 7: cut off"):
        await replay(damaged, DvEncoder(SENSOR), server)
    assert (joined(await reading) == some_events(100)).all()


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "anonynoise", "replay", "--listen", "127.0.0.1:0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stdout
    return int(process.stdout.readline().rpartition(":")[2])


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code, and what it said on stderr."""
    try:
        _, errors = process.communicate(timeout=HANG_S)
    finally:
        process.kill()
    return process.returncode, errors


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd"])
async def test_the_command_plays_a_file_once(recording: Path, compression: str) -> None:
    process = start(str(recording), "--compression", compression)
    port = await asyncio.to_thread(port_of, process)
    parts = await received(port)
    assert (joined(parts) == some_events(3000)).all()
    assert await asyncio.to_thread(ended, process) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_loops_over_the_stand_in_until_a_signal(number: signal.Signals) -> None:
    decoder = Aedat4Decoder()
    lap = sum(len(events) for events in decoder.feed(STAND_IN.read_bytes()))
    process = start("--loop", "--speed", "max")
    port = await asyncio.to_thread(port_of, process)
    times = np.concatenate([events["t"] for events in await received(port, lap + 1000)])
    assert (np.diff(times) >= 0).all()
    process.send_signal(number)
    assert await asyncio.to_thread(ended, process) == (0, "")


async def test_a_signal_while_it_waits_for_a_client_ends_it() -> None:
    process = start()
    await asyncio.to_thread(port_of, process)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(ended, process) == (0, "")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stderr


def test_without_waiting_for_a_client(recording: Path) -> None:
    arguments = (str(recording), "--listen", "127.0.0.1:0", "--no-wait", "--speed", "max")
    assert run(*arguments) == (0, "")


def test_a_port_that_is_taken(recording: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run(str(recording), "--listen", place) == (
            1,
            f"Error: {place}: Address already in use\n",
        )


def bad_files(folder: Path) -> Iterable[tuple[Path, str]]:
    noise, cut_off, text = (folder / name for name in ("noise", "cut.aedat4", "events.txt"))
    noise.write_bytes(b"\xff\0" * 100)
    yield noise, "is not in a format that is known here"
    write_aedat4(cut_off, [some_events(100)], SENSOR, compression=Compression.NONE)
    cut_off.write_bytes(cut_off.read_bytes()[:1000])
    yield cut_off, "cut off, at least "
    text.write_text("1 2 3 1\n5 2 3 0\n")
    yield text, "give --sensor"


@pytest.mark.parametrize("which", range(3))
def test_a_file_that_cannot_be_played(tmp_path: Path, which: int) -> None:
    path, problem = list(bad_files(tmp_path))[which]
    code, error = run(str(path), "--listen", "127.0.0.1:0", "--no-wait", "--time-unit", "us")
    assert code == 1
    assert error.startswith(f"Error: {path}: ")
    assert problem in error
    assert error.count("\n") == 1


def test_a_file_that_does_not_say_its_size_is_played_with_one(tmp_path: Path) -> None:
    path = tmp_path / "events.txt"
    path.write_text("1 2 3 1\n5 2 3 0\n")
    options = ("--listen", "127.0.0.1:0", "--no-wait", "--time-unit", "us")
    assert run(str(path), *options, "--sensor", "64x48") == (0, "")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--speed", "0"),
        ("--speed", "nan"),
        ("--speed", "fast"),
        ("--sensor", "64"),
        ("--sensor", "0x3"),
        ("--listen", "nowhere"),
        ("no such file",),
    ],
)
def test_arguments_that_are_none(arguments: tuple[str, ...]) -> None:
    code, error = run(*arguments)
    assert code == 2
    assert "Error: Invalid value" in error
