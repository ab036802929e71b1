"""Independent readers and writers: faery, aedat, and dv-processing in child processes."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aedat
import dv_processing
import faery
import numpy as np

from events.packet import EVENT, Packet, packet

#: Far beyond what any child here takes; only a hang reaches it.
HANG_S = 60


def joined(packets: list[Packet]) -> Packet:
    """All events in one array of the layout EVENT, which np.concatenate would not keep."""
    events = np.empty(sum(map(len, packets)), EVENT)
    np.concatenate([np.zeros(0, EVENT), *packets], out=events)
    return events


def with_faery(path: Path) -> Packet:
    parts = list(faery.events_stream_from_file(path))
    return joined([packet(part["t"], part["x"], part["y"], part["on"]) for part in parts])


def with_aedat(path: Path) -> Packet:
    parts = [part["events"] for part in aedat.Decoder(str(path)) if "events" in part]
    return joined([packet(*(part[name] for name in part.dtype.names)) for part in parts])


def with_dv_processing(path: Path) -> Packet:
    recording = dv_processing.io.MonoCameraRecording(str(path))
    parts = []
    while (batch := recording.getNextEventBatch()) is not None:
        part = batch.numpy()
        parts.append(packet(part["timestamp"], part["x"], part["y"], part["polarity"]))
    return joined(parts)


# A silent peer makes NetworkReader wait for ever with the interpreter's lock held, and a
# NetworkWriter with a client hangs when it is destroyed: both only in children, and _exit.
_NETWORK_READER = """
import os, sys
import dv_processing, numpy
reader = dv_processing.io.NetworkReader("127.0.0.1", int(sys.argv[1]))
wanted, parts = int(sys.argv[2]), []
while sum(map(len, parts)) < wanted and reader.isRunning():
    batch = reader.getNextEventBatch()
    if batch is not None:
        parts.append(batch.numpy())
width, height = reader.getEventResolution()
columns = [numpy.concatenate([part[name] for part in parts]).astype("<i8")
           for name in ("timestamp", "x", "y", "polarity")]
sys.stdout.buffer.write(f"{reader.getCameraName()} {width}x{height}\\n".encode())
sys.stdout.buffer.write(numpy.stack(columns).tobytes())
sys.stdout.buffer.flush()
os._exit(0)
"""

_NETWORK_WRITER = """
import os, socket, sys, time
import dv_processing
recording = dv_processing.io.MonoCameraRecording(sys.argv[1])
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]
size = recording.getEventResolution()
stream = dv_processing.io.Stream.EventStream(0, "events", "Oracle_1", size)
stream.setCompression(getattr(dv_processing.CompressionType, sys.argv[2]))
writer = dv_processing.io.NetworkWriter("127.0.0.1", port, stream)
print(port, flush=True)
while not writer.getClientCount():
    time.sleep(0.005)
while (batch := recording.getNextEventBatch()) is not None:
    writer.writeEvents(batch)
sys.stdin.read()
os._exit(0)
"""


async def _child(program: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


class NetworkReader:
    """dv-processing's NetworkReader: connects at once, tells what it received at the end."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child

    async def received(self) -> tuple[str, Packet]:
        """Camera's name and size, and the events."""
        async with asyncio.timeout(HANG_S):
            output, _ = await self._child.communicate()
        header, _, columns = output.partition(b"\n")
        return header.decode(), packet(*np.frombuffer(columns, "<i8").reshape(4, -1))


@asynccontextmanager
async def network_reader(port: int, events: int) -> AsyncIterator[NetworkReader]:
    """Reads from ``port`` until it has that many events."""
    child = await _child(_NETWORK_READER, str(port), str(events))
    try:
        yield NetworkReader(child)
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@asynccontextmanager
async def network_writer(path: Path, compression: str) -> AsyncIterator[int]:
    """Serves a recording to the first client, unpaced; yields the port."""
    child = await _child(_NETWORK_WRITER, str(path), compression)
    assert child.stdout
    try:
        async with asyncio.timeout(HANG_S):
            yield int(await child.stdout.readline())
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()
