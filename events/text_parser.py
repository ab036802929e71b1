"""The compiled half of :mod:`events.text`: lines of numbers to events."""

import numpy as np
from numba import int64, njit, uint64

#: Why :func:`parse` stopped.
DONE, FULL, SENSOR, SIZE = 0, 1, 2, 3
BAD_LINE, BAD_FIELDS, BAD_TIME, BAD_X, BAD_Y, BAD_POLARITY, FRACTION = 10, 11, 12, 13, 14, 15, 16

LONGEST_LINE_BYTES = 1 << 10
_LARGEST = 1 << 62
_MOST_DIGITS = 19
_POWERS = np.array([10**k for k in range(20)], np.uint64)
_WORD = np.frombuffer(b"sensor", np.uint8)
_TRUE = np.frombuffer(b"true", np.uint8)
_FALSE = np.frombuffer(b"false", np.uint8)


@njit(cache=True, nogil=True)
def _is_word(raw, i, end, word):  # type: ignore[no-untyped-def]
    """Whether ``word`` (lower-case) stands in ``raw[i:end]`` alone, in either case."""
    if end - i != len(word):
        return False
    same = True
    for k in range(len(word)):
        same &= raw[i + k] | 0x20 == word[k]
    return same


@njit(cache=True, nogil=True)
def _number(raw, i, end, scale):  # type: ignore[no-untyped-def]
    """The decimal in ``raw[i:end]`` times ``10 ** scale``: (valid, rounded value, exact)."""
    negative = raw[i] == 45
    if negative or raw[i] == 43:
        i += 1
    mantissa, digits, exponent, any_digit, exact, point = uint64(0), 0, scale, False, True, False
    while i < end:
        c = int64(raw[i])
        if 48 <= c <= 57:
            any_digit = True
            if digits < _MOST_DIGITS:
                mantissa = mantissa * uint64(10) + uint64(c - 48)
                digits += 1 if mantissa else 0
                exponent -= 1 if point else 0
            else:
                exact = exact and c == 48
                exponent += 0 if point else 1
        elif c == 46 and not point:
            point = True
        elif c in (101, 69) and any_digit:
            i += 1
            falling = i < end and raw[i] == 45
            if i < end and (falling or raw[i] == 43):
                i += 1
            if i == end:
                return False, int64(0), True
            power = 0
            while i < end:
                if not 48 <= raw[i] <= 57:
                    return False, int64(0), True
                power = min(power * 10 + int64(raw[i]) - 48, 10000)
                i += 1
            exponent += -power if falling else power
            break
        else:
            return False, int64(0), True
        i += 1
    if not any_digit:
        return False, int64(0), True
    if mantissa:
        if exponent >= 0:
            if exponent > _MOST_DIGITS or mantissa > uint64(_LARGEST) // _POWERS[exponent]:
                return False, int64(0), True
            mantissa *= _POWERS[exponent]
        elif exponent < -_MOST_DIGITS:
            mantissa, exact = uint64(0), False
        else:
            power_of_ten = _POWERS[-exponent]
            rest = mantissa % power_of_ten
            mantissa //= power_of_ten
            exact = exact and rest == 0
            mantissa += uint64(1) if rest >= power_of_ten - rest else uint64(0)
    value = int64(mantissa)
    return True, -value if negative else value, exact


@njit(cache=True, nogil=True)
def _sensor_comment(raw, i, end):  # type: ignore[no-untyped-def]
    i += 1
    while i < end and raw[i] in (32, 9):
        i += 1
    return _is_word(raw, i, min(i + len(_WORD), end), _WORD)


@njit(cache=True, nogil=True)
def _event(raw, starts, ends, scale, whole, out, n):  # type: ignore[no-untyped-def]
    """Write the event of one line's four fields; return what is wrong with it, or DONE."""
    valid, t, exact = _number(raw, starts[0], ends[0], scale)
    if not valid:
        return BAD_TIME
    if whole and not exact:
        return FRACTION
    valid, x, exact = _number(raw, starts[1], ends[1], 0)
    if not (valid and exact and 0 <= x <= 0xFFFF):
        return BAD_X
    valid, y, exact = _number(raw, starts[2], ends[2], 0)
    if not (valid and exact and 0 <= y <= 0xFFFF):
        return BAD_Y
    if _is_word(raw, starts[3], ends[3], _TRUE):
        p = int64(1)
    elif _is_word(raw, starts[3], ends[3], _FALSE):
        p = int64(0)
    else:
        valid, p, exact = _number(raw, starts[3], ends[3], 0)
        if not (valid and exact and -1 <= p <= 1):
            return BAD_POLARITY
    out[2 * n] = t
    out[2 * n + 1] = x | (y << 16) | (int64(p == 1) << 32)
    return DONE


@njit(cache=True, nogil=True)
def parse(raw, start, scale, whole, state, out):  # type: ignore[no-untyped-def]
    """Parse whole lines of ``raw`` from byte ``start`` on.

    ``scale`` is the power of ten from the time's unit to microseconds; ``whole`` refuses
    times that are not whole. ``state`` is (lines read, whether there was an event).
    Returns (why it stopped, start of the line it stopped at, start of the next line, events
    written to ``out``, width, height).
    """
    starts, ends = np.zeros(4, np.int64), np.zeros(4, np.int64)
    n = 0
    i = start
    while i < len(raw):
        if 2 * n == len(out):
            return FULL, i, i, n, 0, 0
        begin = i
        fields = 0
        comment = False
        while raw[i] != 10:
            c = raw[i]
            if c in (32, 9, 13, 44):
                i += 1
                continue
            if c == 35 and fields == 0:
                comment = True
                end = i
                while raw[end] != 10:
                    end += 1
                short = end - begin <= LONGEST_LINE_BYTES
                if short and not state[1] and _sensor_comment(raw, i, end):
                    state[0] += 1
                    return SENSOR, begin, end + 1, n, 0, 0
                i = end
                break
            first = i
            while raw[i] not in (10, 32, 9, 13, 44):
                i += 1
            if fields < 4:
                starts[fields], ends[fields] = first, i
            fields += 1
        length = i - begin
        i += 1
        state[0] += 1
        if length > LONGEST_LINE_BYTES:
            return BAD_LINE, begin, i, n, 0, 0
        if comment or fields == 0:
            continue
        if fields == 2 and not state[1]:
            valid, width, exact = _number(raw, starts[0], ends[0], 0)
            right, height, whole_height = _number(raw, starts[1], ends[1], 0)
            if valid and right and exact and whole_height:
                return SIZE, begin, i, n, width, height
        if fields != 4:
            return BAD_FIELDS, begin, i, n, 0, 0
        code = _event(raw, starts, ends, scale, whole, out, n)
        if code != DONE:
            return code, begin, i, n, 0, 0
        n += 1
        state[1] = 1
    return DONE, i, i, n, 0, 0
