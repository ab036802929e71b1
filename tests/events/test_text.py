"""Text."""

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.packet import Packet, SensorSize, packet
from events.text import TextDecoder, TimeUnit
from tests.events.decoding import any_events, cuts, decode, decode_broken, same, synthetic
from tests.events.encoders import text
from tests.shared_data import SHARED_DATA, shared


def exact_us(time: str, scale: int) -> int:
    return int((Decimal(time) * Decimal(10) ** scale).to_integral_value(ROUND_HALF_UP))


def test_the_windows_of_event_reid():
    shared("event-reid")
    count = 0
    for path in sorted((SHARED_DATA / "event-reid/train").glob("*.txt")):
        data = path.read_bytes()
        events = decode(TextDecoder(time_unit="ms"), data)
        lines = [line.split() for line in data.decode().splitlines()]
        assert events["t"].tolist() == [exact_us(line[0], 3) for line in lines]
        expected = np.array([line[1:] for line in lines], int)
        np.testing.assert_array_equal(
            np.stack([events["x"], events["y"], events["p"]], axis=1), expected
        )
        count += len(events)
    assert count == 149_092


@given(any_events(1 << 16, 1 << 16, 1 << 62), cuts)
def test_any_events_in_any_pieces(events: Packet, places: list[int]):
    same(decode(TextDecoder(), text(events), places), events)


def test_more_events_than_a_packet_holds():
    events = synthetic(150_000)
    same(decode(TextDecoder(), text(events), [500_000]), events)


@given(
    st.decimals(0, 10**12, places=9, allow_nan=False),
    st.sampled_from([("us", 0), ("ms", 3), ("s", 6), ("ns", -3)]),
    st.booleans(),
)
def test_times_are_read_exactly(time: Decimal, unit: tuple[TimeUnit, int], scientific: bool):
    name, scale = unit
    written = f"{time:e}" if scientific else f"{time:f}"
    events = decode(TextDecoder(time_unit=name), f"{written} 1 2 0\n".encode())
    kept = Decimal(written)
    # 19 digits are read; only what is lost beyond them may round another way.
    assert abs(int(events["t"][0]) - kept * Decimal(10) ** scale) <= Decimal("0.5000000001")


def test_all_ways_to_write_a_line():
    data = b"""# sensors are of no interest here
   # and another

1 2 3 1
2\t2\t3\t0\r
3,2,3,True
4, 2, 3, false
 5  2  3  -1 \t
1e1 2.0e+00 3.0 +1.0
11 2 3 1"""
    expected = packet([1, 2, 3, 4, 5, 10, 11], [2] * 7, [3] * 7, [1, 0, 1, 0, 0, 1, 1])
    same(decode(TextDecoder(), data), expected)


@pytest.mark.parametrize(
    "line", [b"640 480\n", b"# sensor 640x480\n", b"#\tSensor  640 X 480 \r\n"]
)
def test_the_size_may_stand_before_the_events(line: bytes):
    decoder = TextDecoder()
    same(decode(decoder, b"# recording\n" + line + b"1 2 3 1\n"), packet([1], [2], [3], [1]))
    assert decoder.sensor == SensorSize(640, 480)


def test_a_comment_after_the_first_event_is_only_that():
    decoder = TextDecoder()
    decode(decoder, b"1 2 3 1\n# sensor 640x480\n2 2 3 1\n")
    assert decoder.sensor is None


def test_two_sizes_are_an_error():
    _, error = decode_broken(TextDecoder(), b"# sensor 640x480\n640 481\n")
    assert "line 2" in str(error)


def test_a_fraction_without_a_unit_is_an_error_that_names_the_line_and_the_option():
    decoded, error = decode_broken(TextDecoder(), b"# t x y p\n1 2 3 1\n1.5 2 3 1\n")
    assert len(decoded) == 1
    assert "line 3" in str(error)
    assert "--time-unit" in str(error)
    assert decode(TextDecoder(time_unit="us"), b"1.5 2 3 1\n")["t"].tolist() == [2]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("1 2 3", "t x y p"),
        ("1 2 3 1 1", "t x y p"),
        ("1 2", "t x y p"),
        ("- 2 3 1", "t "),
        ("1e 2 3 1", "t "),
        ("nan 2 3 1", "t "),
        ("0x10 2 3 1", "t "),
        ("1.2.3 2 3 1", "t "),
        ("9999999999999999999 2 3 1", "t "),
        ("1e30 2 3 1", "t "),
        ("1 -2 3 1", "x "),
        ("1 2.5 3 1", "x "),
        ("1 65536 3 1", "x "),
        ("1 2 65536 1", "y "),
        ("1 2 3 2", "p "),
        ("1 2 3 0.5", "p "),
        ("1 2 3 yes", "p "),
        ("1 2 3 \x00", "p "),
        ("1 2 3 1" + " " * 2000, "longer"),
        ("#" * 2000, "longer"),
    ],
)
def test_a_bad_line_is_named(line: str, field: str):
    events = synthetic(30)
    decoded, error = decode_broken(TextDecoder(), text(events) + line.encode() + b"\n")
    same(decoded, events)
    assert "line 31" in str(error)
    assert field in str(error)
    assert line not in str(error)


def test_a_line_without_end_is_an_error_before_it_is_kept():
    _, error = decode_broken(TextDecoder(), b"1" * 100_000)
    assert "line 1" in str(error)


@pytest.mark.parametrize("size", ["0 480", "640 99999", "-640 480"])
def test_a_size_that_cannot_be_is_an_error(size: str):
    _, error = decode_broken(TextDecoder(), f"{size}\n1 2 3 1\n".encode())
    assert "line 1" in str(error)
