"""Damaged input of every format: packets, and possibly an EventDataError. Nothing else.

Thousands of small inputs a decoder, damaged by a seeded generator: bits flipped, ends cut
off, bytes put in, slices doubled.
"""

import faulthandler
import resource
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from events.aedat2 import Aedat2Decoder
from events.aedat4 import Aedat4Decoder, write_aedat4
from events.aedat31 import Aedat31Decoder
from events.dat import DatDecoder
from events.decoder import Decoder
from events.dv import DvDecoder, DvEncoder
from events.dv_compression import Compression
from events.errors import EventDataError
from events.evt2 import Evt2Decoder
from events.evt3 import Evt3Decoder
from events.evt21 import Evt21Decoder
from events.packet import EVENT, Packet, SensorSize
from events.recording import SniffingDecoder
from events.text import TextDecoder
from tests.events.decoding import synthetic
from tests.events.encoders import (
    AEDAT31_HEADER,
    EVT2_HEADER,
    EVT3_HEADER,
    EVT21_HEADER,
    EVT21_LEGACY_HEADER,
    aedat2_davis346,
    aedat2_dvs128,
    aedat31_packet,
    aedat31_polarity,
    dat,
    evt2_words,
    evt3_words,
    evt21_words,
    text,
)

_MUTATIONS = 2_500
#: An input is below 2 KiB. The most an encoding makes of a byte is 6 events (EVT3's vectors).
_MOST_EVENTS = 16_000
#: A decoder may not take more at any time than the largest packet that the DV protocol
#: allows, twice: what is announced, and what it unpacks into.
_MOST_MEMORY_BYTES = 160 << 20
_HANG_S = 120
_SENSOR = SensorSize(128, 128)
_EVENTS = synthetic(60, width=128, height=128)


def _dv(compression: Compression) -> bytes:
    encoder = DvEncoder(_SENSOR, compression=compression)
    return encoder.header + encoder.packet(_EVENTS[:30]) + encoder.packet(_EVENTS[30:])


def _aedat4(folder: Path) -> bytes:
    write_aedat4(folder / "a.aedat4", [_EVENTS[:30], _EVENTS[30:]], _SENSOR)
    return (folder / "a.aedat4").read_bytes()


_AEDAT31 = (
    AEDAT31_HEADER
    + aedat31_packet(0, bytes(16), size=8, number=2, valid=2)
    + aedat31_polarity(_EVENTS[:30])
    + aedat31_polarity(_EVENTS[30:])
)

_Variant = tuple[Callable[[], Decoder], Callable[[Path], bytes]]

_CASES: dict[str, list[_Variant]] = {
    "evt2": [
        (Evt2Decoder, lambda _: EVT2_HEADER + evt2_words(_EVENTS)),
        (lambda: Evt2Decoder(headerless=True), lambda _: evt2_words(_EVENTS)),
    ],
    "evt21": [
        (Evt21Decoder, lambda _: EVT21_HEADER + evt21_words(_EVENTS, legacy=False)),
        (Evt21Decoder, lambda _: EVT21_LEGACY_HEADER + evt21_words(_EVENTS, legacy=True)),
    ],
    "evt3": [
        (Evt3Decoder, lambda _: EVT3_HEADER + evt3_words(_EVENTS)),
        (lambda: Evt3Decoder(headerless=True), lambda _: evt3_words(_EVENTS)),
    ],
    "dat": [(DatDecoder, lambda _: dat(_EVENTS))],
    "aedat2": [
        (Aedat2Decoder, lambda _: aedat2_dvs128(_EVENTS)),
        (Aedat2Decoder, lambda _: aedat2_davis346(_EVENTS)),
    ],
    "aedat31": [(Aedat31Decoder, lambda _: _AEDAT31)],
    "text": [
        (TextDecoder, lambda _: b"# sensor 128x128\n" + text(_EVENTS)),
        (lambda: TextDecoder(time_unit="s"), lambda _: text(_EVENTS)),
    ],
    "dv": [(DvDecoder, lambda _, how=how: _dv(how)) for how in Compression],
    "aedat4": [(Aedat4Decoder, _aedat4)],
    "recording": [
        (SniffingDecoder, encode)
        for encode in (
            _aedat4,
            lambda _: EVT3_HEADER + evt3_words(_EVENTS),
            lambda _: dat(_EVENTS),
            lambda _: aedat2_dvs128(_EVENTS),
            lambda _: _AEDAT31,
            lambda _: text(_EVENTS),
        )
    ],
}


def mutations(valid: bytes, count: int, random: np.random.Generator) -> Iterator[bytes]:
    """Damaged copies of ``valid``."""
    for _ in range(count):
        data = bytearray(valid)
        for _ in range(random.integers(1, 4)):
            place = int(random.integers(0, len(data) + 1))
            match random.integers(0, 5):
                case 0:
                    for bit in random.integers(0, 8 * max(len(data), 1), random.integers(1, 9)):
                        if data:
                            data[int(bit) // 8] ^= 1 << int(bit) % 8
                case 1:
                    del data[place:]
                case 2:
                    data[place:place] = random.bytes(int(random.integers(1, 40)))
                case 3:
                    start = int(random.integers(0, len(data) + 1))
                    data[place:place] = data[start : start + int(random.integers(1, 200))]
                case 4:
                    value = int(random.choice([0x00, 0xFF, 0x7F, 0x80]))
                    data[place : place + 4] = bytes([value]) * 4
        yield bytes(data)


def events_of(decoder: Decoder, data: bytes, cut: int) -> list[Packet]:
    """Whatever is decoded until the end or the one error that is allowed."""
    packets = []
    try:
        for piece in (data[:cut], data[cut:]):
            packets += [events.copy() for events in decoder.feed(piece)]
        packets += [events.copy() for events in decoder.finish()]
    except EventDataError as error:
        assert "\n" not in str(error)
    return packets


@pytest.fixture
def guarded() -> Iterator[None]:
    """Ends the process, saying where it stood, if a decoder hangs even in compiled code."""
    faulthandler.dump_traceback_later(_HANG_S, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@contextmanager
def bounded_memory() -> Iterator[None]:
    """Makes whatever asks for too much memory fail, where the system can do that."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("needs Linux to bound memory")
    used_bytes = int(status.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used_bytes + _MOST_MEMORY_BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("name", _CASES)
def test_damaged_input_ends_in_packets_or_one_error(name: str, tmp_path: Path):
    random = np.random.default_rng(zlib.crc32(name.encode()))
    for make, encode in _CASES[name]:
        valid = encode(tmp_path)
        assert len(valid) < 2048
        # Also compiles what is compiled on first use, which takes memory.
        assert sum(map(len, events_of(make(), valid, len(valid)))) == len(_EVENTS)
        count = -(-_MUTATIONS // len(_CASES[name]))
        with bounded_memory():
            for data in mutations(valid, count, random):
                packets = events_of(make(), data, len(data) // 3)
                assert all(events.dtype == EVENT for events in packets)
                assert sum(map(len, packets)) <= _MOST_EVENTS
