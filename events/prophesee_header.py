"""The ASCII header of Prophesee's RAW and DAT files: lines ``% key value``.

::

    % evt 3.0
    % format EVT3;height=720;width=1280
    % geometry 1280x720
    % end

Old headers state no geometry, and end where the lines end, without ``% end``. Then the
first words may look like the start of one more line, so a line only counts as one if it is
text up to its line feed.
Source: Prophesee, "RAW file format" and "DAT file format".
"""

import re
from dataclasses import dataclass
from types import MappingProxyType

from events.characters import LINE_END_OR_BINARY, LINE_FEED
from events.errors import EventDataError
from events.packet import SensorSize

#: A header longer than this is no header.
LONGEST_HEADER_BYTES = 32 << 10
_LONGEST_LINE_BYTES = 2 << 10
_LATEST_START_US = 1 << 62
_ENCODINGS = MappingProxyType({"2.0": "evt2", "2.1": "evt21", "3.0": "evt3"})
_FORMATS = MappingProxyType({"EVT2": "evt2", "EVT21": "evt21", "EVT3": "evt3"})


@dataclass(frozen=True)
class PropheseeHeader:
    """A parsed header. ``size`` is its length in bytes; keys of ``fields`` are lower-case."""

    fields: MappingProxyType[str, str]
    size: int

    @property
    def options(self) -> dict[str, str]:
        """The ``key=value`` parts of the ``format`` line."""
        parts = self.fields.get("format", "").split(";")[1:]
        return {key.strip(): value.strip() for key, _, value in (p.partition("=") for p in parts)}

    @property
    def format(self) -> str | None:
        """``evt2``, ``evt21`` or ``evt3``; None where the header names no RAW encoding.

        Raises :class:`EventDataError` for an encoding that is none of these.
        """
        name = self.fields.get("format", "").split(";")[0].strip()
        if name:
            known = _FORMATS.get(name.upper())
        elif "evt" in self.fields:
            known = _ENCODINGS.get(self.fields["evt"])
        else:
            return None
        if known is None:
            raise EventDataError("is none of EVT2, EVT2.1 and EVT3", offset=0, field="encoding")
        return known

    @property
    def word_order(self) -> str | None:
        """``little`` or ``legacy``, the order of an EVT2.1 word's halves; None if not said."""
        return self.options.get("endianness") or self.fields.get("endianness")

    @property
    def sensor(self) -> SensorSize | None:
        """The size that the header states.

        Raises :class:`EventDataError` where it states one that cannot be.
        """
        options = self.options
        width, _, height = self.fields.get("geometry", "").lower().partition("x")
        width = width or options.get("width") or self.fields.get("width", "")
        height = height or options.get("height") or self.fields.get("height", "")
        if not width and not height:
            return None
        return SensorSize(_pixels(width), _pixels(height))

    @property
    def t_start_us(self) -> int:
        """What faery leaves out of every time and writes as ``t0`` instead; 0 elsewhere."""
        stated = self.fields.get("t0", "0")
        if not re.fullmatch(r"[0-9]{1,19}", stated) or int(stated) > _LATEST_START_US:
            raise EventDataError("is not a time in microseconds", offset=0, field="t0")
        return int(stated)


def _pixels(text: str) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,5}\s*", text) or not 0 < int(text) <= 1 << 16:
        raise EventDataError("is not WIDTHxHEIGHT in pixels", offset=0, field="geometry")
    return int(text)


def parse_header(head: bytes, *, complete: bool) -> PropheseeHeader | None:
    """The header at the start of ``head``; None if it goes on beyond it.

    ``complete`` says that nothing comes after ``head``. A header of ``size`` 0 means that
    the data starts at once. Raises :class:`EventDataError` for one that is too long, or cut.
    """
    fields: dict[str, str] = {}
    start = 0
    while True:
        if start > LONGEST_HEADER_BYTES:
            raise EventDataError("is too long", offset=start, field="header")
        mark = head[start : start + 2]
        if not b"% ".startswith(mark):
            break
        other = LINE_END_OR_BINARY.search(head, start)
        if other is None or other.start() - start > _LONGEST_LINE_BYTES:
            if len(head) - start > _LONGEST_LINE_BYTES:
                raise EventDataError("line is too long", offset=start, field="header")
            if not complete:
                return None
            if len(mark) == 2:
                raise EventDataError("ends inside a line", offset=start, field="header")
            break
        if head[other.start()] != LINE_FEED:
            break
        try:
            line = head[start + 2 : other.start()].decode().strip()
        except UnicodeDecodeError:
            break
        start = other.end()
        key, _, value = line.partition(" ")
        if key == "end" and not value:
            break
        fields[key.lower()] = value.strip()
    return PropheseeHeader(MappingProxyType(fields), start)
