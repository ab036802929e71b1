"""Text: one event a line, ``t x y p``, times in a unit that the file does not say.

::

    # sensor 640x480        optional, before the first event; or a first line "640 480"
    1805211415 347 174 0    separated by blanks, tabs or commas; p is 0, 1, -1, True or False

Blank lines and lines that begin with ``#`` are left out. Numbers are read exactly, as
decimals and not as floating point, and rounded to whole microseconds.
"""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Literal

import numpy as np

from events.decoder import Bytes, Decoder
from events.errors import EventDataError
from events.packet import EVENT, Packet, SensorSize
from events.text_parser import (
    BAD_FIELDS,
    BAD_LINE,
    BAD_POLARITY,
    BAD_TIME,
    BAD_X,
    BAD_Y,
    DONE,
    FRACTION,
    FULL,
    LONGEST_LINE_BYTES,
    SENSOR,
    SIZE,
    parse,
)

TimeUnit = Literal["us", "ms", "s", "ns"]

#: Power of ten that turns a time into microseconds.
_SCALE: MappingProxyType[TimeUnit, int] = MappingProxyType({"us": 0, "ms": 3, "s": 6, "ns": -3})
_SENSOR = re.compile(r"#\s*sensor\s+(\d{1,5})\s*x\s*(\d{1,5})\s*", re.IGNORECASE)
_PACKET_EVENTS = 1 << 16
_SHORTEST_EVENT_BYTES = len("0 0 0 0\n")
_PROBLEMS = MappingProxyType(
    {
        BAD_LINE: f"is longer than {LONGEST_LINE_BYTES} bytes",
        BAD_FIELDS: "is not `t x y p`",
        BAD_TIME: "t is not a time",
        BAD_X: "x is not a column",
        BAD_Y: "y is not a row",
        BAD_POLARITY: "p is none of 0, 1, -1, True and False",
        FRACTION: "t is not whole, so not in microseconds: say its unit with --time-unit",
    }
)


class TextDecoder(Decoder):
    """Decodes text. Without a ``time_unit`` times are microseconds, and must be whole."""

    format = "text"

    def __init__(self, *, time_unit: TimeUnit | None = None) -> None:
        self._scale = _SCALE[time_unit or "us"]
        self._whole = time_unit is None
        self._rest = b""
        #: Lines read so far, and whether an event was among them.
        self._state = np.zeros(2, np.int64)

    def feed(self, data: Bytes) -> Iterator[Packet]:
        data = self._rest + bytes(data)
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        yield from self._lines(data[:end])
        if len(self._rest) > LONGEST_LINE_BYTES:
            raise self._error(_PROBLEMS[BAD_LINE], int(self._state[0]) + 1)

    def finish(self) -> Iterator[Packet]:
        if self._rest:
            data, self._rest = self._rest + b"\n", b""
            yield from self._lines(data)

    def _error(self, problem: str, line: int) -> EventDataError:
        return EventDataError(f"line {line}: {problem}")

    def _lines(self, data: bytes) -> Iterator[Packet]:
        raw = np.frombuffer(data, np.uint8)
        start, code = 0, FULL
        while code != DONE:
            room = min(_PACKET_EVENTS, (len(data) - start) // _SHORTEST_EVENT_BYTES + 1)
            out = np.empty(2 * room, np.int64)
            code, begin, start, events, width, height = parse(
                raw, start, self._scale, self._whole, self._state, out
            )
            if events:
                yield out[: 2 * events].view(EVENT)
            if code == SENSOR:
                stated = _SENSOR.fullmatch(data[begin:start].decode("latin-1").strip())
                if stated:
                    self._state_sensor(int(stated[1]), int(stated[2]))
            elif code == SIZE:
                self._state_sensor(width, height)
            elif code not in (DONE, FULL):
                raise self._error(_PROBLEMS[code], int(self._state[0]))

    def _state_sensor(self, width: int, height: int) -> None:
        problem = None
        if not (0 < width <= 1 << 16 and 0 < height <= 1 << 16):
            problem = "the sensor's size is not WIDTHxHEIGHT in pixels"
        elif self.sensor not in (None, SensorSize(width, height)):
            problem = "the sensor's size is not that of an earlier line"
        if problem:
            raise self._error(problem, int(self._state[0]))
        self.sensor = SensorSize(width, height)
