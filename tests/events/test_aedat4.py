import os
import struct
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.aedat4 import MAGIC, Aedat4Decoder, write_aedat4
from events.dv_compression import Compression
from events.errors import EventDataError
from events.packet import Packet, SensorSize, packet
from tests.events.dv_oracles import joined, with_aedat, with_dv_processing, with_faery
from tests.shared_data import shared

SENSOR = SensorSize(128, 96)
T0_US = 1_700_000_000_000_000


def some_events(count: int) -> Packet:
    rng = np.random.default_rng(count)
    return packet(
        T0_US + np.sort(rng.integers(0, 2_000_000, count)),
        rng.integers(0, SENSOR.width, count),
        rng.integers(0, SENSOR.height, count),
        rng.integers(0, 2, count),
    )


def decode(pieces: Iterable[bytes], decoder: Aedat4Decoder | None = None) -> Packet:
    decoder = decoder or Aedat4Decoder()
    parts = [events.copy() for data in pieces for events in decoder.feed(data)]
    parts += [events.copy() for events in decoder.finish()]
    return joined(parts)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A whole small file."""
    path = tmp_path_factory.mktemp("aedat4") / "small.aedat4"
    write_aedat4(path, [some_events(3), some_events(20)], SENSOR)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("path", "count", "sensor"),
    [
        ("formats/davis346.aedat4", 78_830, SensorSize(346, 260)),
        ("recordings/dvs128-wave-a.aedat4", 348_461, SensorSize(128, 128)),
        ("recordings/dvs128-wave-b.aedat4", 263_569, SensorSize(128, 128)),
        ("recordings/dvs128-hand-short.aedat4", 18_342, SensorSize(128, 128)),
    ],
)
def test_recordings_are_what_three_other_readers_say(
    path: str, count: int, sensor: SensorSize
) -> None:
    file = shared(path)
    data = file.read_bytes()
    decoder = Aedat4Decoder()
    events = decode((data[i : i + 10_007] for i in range(0, len(data), 10_007)), decoder)
    assert len(events) == count
    assert decoder.sensor == sensor
    for oracle in (with_faery, with_aedat, with_dv_processing):
        assert (oracle(file) == events).all(), oracle.__name__


def test_the_davis_recordings_first_and_last_event() -> None:
    events = decode([shared("formats/davis346.aedat4").read_bytes()])
    assert (events["t"][0], events["t"][-1]) == (1589163147368868, 1589163149728813)


@pytest.mark.parametrize("compression", Compression)
def test_three_other_readers_read_what_is_written(tmp_path: Path, compression: Compression) -> None:
    path = tmp_path / "out.aedat4"
    events = some_events(40_000)
    parts = [events[:0], events[:1], events[1:20_000], events[20_000:]]
    write_aedat4(path, iter(parts), SENSOR, compression=compression, source="A&B<1>")
    for oracle in (with_faery, with_aedat, with_dv_processing):
        assert (oracle(path) == events).all(), oracle.__name__
    assert (decode([path.read_bytes()]) == events).all()


def test_the_same_events_are_the_same_bytes(tmp_path: Path) -> None:
    # Gaps between fields that nobody sets would carry what memory held before.
    parts = [some_events(n) for n in range(1, 40)]
    written = set()
    for name in "abc":
        secret = [bytes([ord(name)]) * (48 * 39) for _ in range(50)]
        del secret
        write_aedat4(tmp_path / name, parts, SENSOR, compression=Compression.NONE)
        written.add((tmp_path / name).read_bytes())
    assert len(written) == 1


def test_dv_processing_finds_times_by_the_data_table(tmp_path: Path) -> None:
    dv_processing = pytest.importorskip("dv_processing")
    path = tmp_path / "out.aedat4"
    events = some_events(100_000)
    write_aedat4(path, [events], SENSOR, source="Camera_7")
    recording = dv_processing.io.MonoCameraRecording(str(path))
    assert recording.getCameraName() == "Camera_7"
    assert recording.getEventResolution() == (SENSOR.width, SENSOR.height)
    assert recording.getTimeRange() == (events["t"][0], events["t"][-1])
    start, stop = T0_US + 1_000_000, T0_US + 1_100_000
    found = recording.getEventsTimeRange(start, stop)
    assert found.size() == np.count_nonzero((events["t"] >= start) & (events["t"] < stop))


@pytest.mark.parametrize("count", [0, 1])
def test_hardly_any_events(tmp_path: Path, count: int) -> None:
    path = tmp_path / "out.aedat4"
    write_aedat4(path, [some_events(count)], SENSOR)
    assert len(decode([path.read_bytes()])) == count
    assert len(with_aedat(path)) == count


@given(st.lists(st.integers(0, 3000), max_size=30))
def test_where_the_file_is_cut_makes_no_difference(small: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(small)]
    pieces = [small[start:stop] for start, stop in pairwise(edges)]
    assert (decode(pieces) == joined([some_events(3), some_events(20)])).all()


def table_position(data: bytes) -> int:
    (position,) = struct.unpack_from("<q", data, len(MAGIC) + 4 + 24 + 12)
    return int(position)


def with_table_position(data: bytes, position: int) -> bytes:
    place = len(MAGIC) + 4 + 24 + 12
    return data[:place] + struct.pack("<q", position) + data[place + 8 :]


def test_a_recording_without_a_table_is_read_to_its_end(small: bytes) -> None:
    cut_off = with_table_position(small, -1)[: table_position(small)]
    assert len(decode([cut_off])) == 23


def test_cut_off_at_every_byte_all_whole_packets_are_kept(small: bytes) -> None:
    end = table_position(small)
    assert (decode([small[:end]]) == decode([small])).all()
    for size in range(end):
        decoder, kept = Aedat4Decoder(), 0
        with pytest.raises(EventDataError, match="cut off"):
            for events in decoder.feed(small[:size]):
                kept += len(events)
            list(decoder.finish())
        assert kept in (0, 3)


@pytest.mark.parametrize(
    ("position", "problem"),
    [
        (1, "offset 18: header: the data table at 1 lies inside"),
        (10**6, "packet header: "),
    ],
)
def test_a_table_that_is_elsewhere(small: bytes, position: int, problem: str) -> None:
    with pytest.raises(EventDataError, match=problem):
        decode([with_table_position(small, position)])


def test_a_table_that_lies_inside_a_packet(small: bytes) -> None:
    decoder, kept = Aedat4Decoder(), 0
    with pytest.raises(EventDataError, match="packet header: goes on past the data table at"):
        for events in decoder.feed(with_table_position(small, table_position(small) - 1)):
            kept += len(events)
    assert kept == 3


@pytest.mark.parametrize("data", [b"GIF89a" + bytes(20), b"#!AER-DAT3.1\r\n", bytes(14)])
def test_another_file(data: bytes) -> None:
    with pytest.raises(EventDataError, match="offset 0: magic line: not an AEDAT4 file"):
        decode([data])


def test_a_text_with_the_magic_line() -> None:
    with pytest.raises(EventDataError, match=r"offset 14: header length: .*AEDAT4 file\?"):
        decode([MAGIC + b"and then a text"])


def test_damage_is_an_error_or_other_events(small: bytes) -> None:
    rng = np.random.default_rng(2)
    for _ in range(2000):
        damaged = bytearray(small)
        for place in rng.integers(0, len(small), rng.integers(1, 6)):
            damaged[place] = rng.integers(0, 256)
        try:
            decode([bytes(damaged)])
        except EventDataError as error:
            assert str(error).startswith("offset ")
            assert "\n" not in str(error)


def test_a_failed_write_leaves_nothing_and_spares_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.aedat4"
    path.write_bytes(b"before")

    def breaking() -> Iterator[Packet]:
        yield some_events(5)
        raise EventDataError("cut off", source="in")

    with pytest.raises(EventDataError, match="in: cut off"):
        write_aedat4(path, breaking(), SENSOR)
    assert os.listdir(tmp_path) == ["out.aedat4"]
    assert path.read_bytes() == b"before"


def test_a_folder_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_aedat4(tmp_path / "none" / "out.aedat4", [some_events(5)], SENSOR)


def test_a_written_file_can_be_read_by_whom_the_umask_allows(tmp_path: Path) -> None:
    path, other = tmp_path / "out.aedat4", tmp_path / "other"
    write_aedat4(path, [], SENSOR)
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode
