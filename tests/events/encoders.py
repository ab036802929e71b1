"""Small encoders of the formats that no independent library writes, or not as freely."""

import struct
from collections.abc import Iterator

import numpy as np

from events.packet import Packet

EVT2_HEADER = b"% evt 2.0\n% format EVT2;height=720;width=1280\n% geometry 1280x720\n% end\n"
EVT21_HEADER = b"% evt 2.1\n% format EVT21;height=720;width=1280\n% end\n"
EVT21_LEGACY_HEADER = b"% format EVT21;height=720;width=1280;endianness=legacy\n% end\n"
EVT3_HEADER = b"% evt 3.0\n% format EVT3;height=720;width=1280\n% end\n"


def _rows(events: Packet) -> Iterator[tuple[int, int, int, int]]:
    for t, x, y, p in events:
        yield int(t), int(x), int(y), int(p)


def _time_highs(before: int | None, high: int, half_range: int) -> Iterator[int]:
    """Time-high values from ``before`` to ``high``, in steps that no decoder takes for a wrap."""
    if before is None:
        before = 0
        yield 0
    while before < high:
        before = min(before + half_range - 1, high)
        yield before


def evt2_words(events: Packet) -> bytes:
    """EVT 2.0 words."""
    words, before = [], None
    for t, x, y, p in _rows(events):
        for high in _time_highs(before, t >> 6, 1 << 27):
            words.append(0x8 << 28 | high & 0xFFFFFFF)
            before = high
        words.append(p << 28 | (t & 0x3F) << 22 | x << 11 | y)
    return np.array(words, "<u4").tobytes()


def evt21_words(events: Packet, *, legacy: bool) -> bytes:
    """EVT 2.1 words; events of one time, row and polarity, x rising within 32, share one."""
    halves: list[tuple[int, int]] = []
    before, word = None, None
    for t, x, y, p in _rows(events):
        for high in _time_highs(before, t >> 6, 1 << 27):
            halves.append((0x8 << 28 | high & 0xFFFFFFF, 0))
            before, word = high, None
        base = x & ~31
        key = p << 28 | (t & 0x3F) << 22 | base << 11 | y
        bit = 1 << (x - base)
        if word == key and halves[-1][1] < bit:
            halves[-1] = (key, halves[-1][1] | bit)
        else:
            halves.append((key, bit))
            word = key
    order = [(upper, lower) if legacy else (lower, upper) for upper, lower in halves]
    return np.array(order, "<u4").tobytes()


def evt3_words(events: Packet, *, vectors: bool = True) -> bytes:
    """EVT 3.0 words; runs of one time, row and polarity become vectors of 12, 12 and 8."""
    words: list[int] = []
    high = low = row = None
    rows = list(_rows(events))
    i = 0
    while i < len(rows):
        t, x, y, p = rows[i]
        for value in _time_highs(high, t >> 12, 1 << 11):
            words.append(0x8000 | value & 0xFFF)
            high, low = value, None
        if low != t & 0xFFF:
            low = t & 0xFFF
            words.append(0x6000 | low)
        if row != y:
            row = y
            words.append(y)
        run = [x]
        for t_next, x_next, y_next, p_next in rows[i + 1 : i + 32]:
            if (t_next, y_next, p_next) != (t, y, p) or not run[-1] < x_next < x + 32:
                break
            run.append(x_next)
        i += len(run) if vectors else 1
        if len(run) == 1 or not vectors:
            words.append(0x2000 | p << 11 | x)
            continue
        mask = sum(1 << (column - x) for column in run)
        words += [0x3000 | p << 11 | x, 0x4000 | mask & 0xFFF, 0x4000 | mask >> 12 & 0xFFF]
        words.append(0x5000 | mask >> 24)
    return np.array(words, "<u2").tobytes()


def dat(events: Packet, *, header: bytes = b"% Version 2\n% Height 480\n% Width 640\n") -> bytes:
    """A DAT file, version 2."""
    records = np.zeros(len(events), "<u4,<u4")
    records["f0"] = events["t"] & 0xFFFFFFFF
    x, y, p = (events[name].astype(np.uint32) for name in "xyp")
    records["f1"] = p << 28 | y << 14 | x
    return header + bytes([0x0C, 8]) + records.tobytes()


AEDAT2_HEADER = b"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n"


def _aedat2(address: np.ndarray, t: np.ndarray, chip: str) -> bytes:
    records = np.zeros(len(t), ">u4,>u4")
    records["f0"], records["f1"] = address, t & 0xFFFFFFFF
    return AEDAT2_HEADER + f"# AEChip: {chip}\r\n".encode() + records.tobytes()


def aedat2_dvs128(events: Packet) -> bytes:
    """AEDAT 2.0 of a DVS128, whose row 0 is the bottom and whose column 0 is the right."""
    x, y, p = (events[name].astype(np.uint32) for name in "xyp")
    address = (127 - y) << 8 | (127 - x) << 1 | (1 - p)
    return _aedat2(address, events["t"], "ch.unizh.ini.jaer.chip.retina.DVS128")


def aedat2_davis346(events: Packet) -> bytes:
    """AEDAT 2.0 of a DAVIS346, counted as the DVS128 is."""
    x, y, p = (events[name].astype(np.uint32) for name in "xyp")
    address = (259 - y) << 22 | (345 - x) << 12 | p << 11
    return _aedat2(address, events["t"], "eu.seebetter.ini.chips.davis.Davis346blue")


AEDAT31_HEADER = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"


def aedat31_packet(
    kind: int, payload: bytes, *, size: int, number: int, valid: int, overflow: int = 0
) -> bytes:
    """One packet of ``number`` events of ``size`` bytes."""
    return struct.pack("<hhiiiiii", kind, 1, size, 4, overflow, number, number, valid) + payload


def aedat31_polarity(events: Packet, *, valid: np.ndarray | None = None) -> bytes:
    """One polarity packet; all its times must share the bits from 31 on."""
    marks = np.ones(len(events), bool) if valid is None else valid
    x, y, p = (events[name].astype(np.uint32) for name in "xyp")
    records = np.zeros(len(events), "<u4,<i4")
    records["f0"] = x << 17 | y << 2 | p << 1 | marks
    records["f1"] = events["t"] & 0x7FFFFFFF
    return aedat31_packet(
        1,
        records.tobytes(),
        size=8,
        number=len(events),
        valid=int(marks.sum()),
        overflow=int(events["t"][0]) >> 31 if len(events) else 0,
    )


def text(events: Packet) -> bytes:
    """Text, times in microseconds."""
    return "".join(f"{t} {x} {y} {p}\n" for t, x, y, p in _rows(events)).encode()
