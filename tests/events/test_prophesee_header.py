"""The ASCII header of Prophesee's files."""

import pytest

from events.errors import EventDataError
from events.packet import SensorSize
from events.prophesee_header import LONGEST_HEADER_BYTES, PropheseeHeader, parse_header


def parsed(head: bytes, *, complete: bool = True) -> PropheseeHeader:
    header = parse_header(head, complete=complete)
    assert header
    return header


def test_a_new_header_ends_at_its_end_line():
    lines = b"% evt 3.0\n% format EVT3;height=720;width=1280\n% geometry 1280x720\n% end\n"
    header = parsed(lines + b"% not a header line any more\n")
    assert header.size == len(lines)
    assert header.format == "evt3"
    assert header.sensor == SensorSize(1280, 720)


def test_an_old_header_ends_where_its_lines_end_and_states_no_size():
    lines = b"% Date 2020-09-14 09:03:25\n% evt 2.0\n"
    header = parsed(lines + b"\x70\x50\x00\x80")
    assert header.size == len(lines)
    assert header.format == "evt2"
    assert header.sensor is None
    assert header.word_order is None


def test_words_that_look_like_the_start_of_a_line_are_data():
    lines = b"% evt 3.0\n"
    header = parsed(lines + b"% \x00\x80% text\n")
    assert header.size == len(lines)


@pytest.mark.parametrize(
    "line",
    [
        b"% format EVT3;width=640;height=480\n",
        b"% geometry 640x480\n",
        b"% Height 480\n% Width 640\n",
    ],
)
def test_the_size_stands_in_any_of_three_places(line: bytes):
    assert parsed(b"% evt 3.0\n" + line + b"% end\n").sensor == SensorSize(640, 480)


@pytest.mark.parametrize("size", ["0x480", "640x", "-1x3", "640", "99999x1", "axb"])
def test_a_size_that_cannot_be_is_an_error(size: str):
    header = parsed(f"% evt 3.0\n% geometry {size}\n% end\n".encode())
    with pytest.raises(EventDataError, match="geometry"):
        assert header.sensor


@pytest.mark.parametrize("line", [b"% evt 4.0\n", b"% format HISTO3D;width=320\n"])
def test_an_encoding_that_is_not_known_is_an_error(line: bytes):
    header = parsed(line)
    with pytest.raises(EventDataError, match="encoding"):
        assert header.format


@pytest.mark.parametrize("order", ["little", "legacy"])
def test_the_order_of_an_evt21_word(order: str):
    header = parsed(f"% format EVT21;endianness={order};width=2;height=1\n% end\n".encode())
    assert (header.format, header.word_order) == ("evt21", order)


def test_every_prefix_waits_for_more():
    head = b"% evt 3.0\n% geometry 640x480\n% end\n"
    for end in range(len(head)):
        assert parse_header(head[:end], complete=False) is None


def test_a_header_cut_inside_a_line_is_an_error():
    with pytest.raises(EventDataError, match="offset 10: header"):
        parse_header(b"% evt 3.0\n% geome", complete=True)


def test_a_header_without_end_is_an_error():
    with pytest.raises(EventDataError, match="too long"):
        parse_header(b"% a b\n" * LONGEST_HEADER_BYTES, complete=False)
    with pytest.raises(EventDataError, match="line is too long"):
        parse_header(b"% " + b"a" * LONGEST_HEADER_BYTES, complete=False)


@pytest.mark.parametrize("start", ["-1", "soon", "9" * 19, "9" * 5000])
def test_a_start_that_is_no_time_is_an_error(start: str):
    header = PropheseeHeader(fields={"t0": start}, size=0)  # type: ignore[arg-type]
    with pytest.raises(EventDataError, match="t0"):
        assert header.t_start_us
