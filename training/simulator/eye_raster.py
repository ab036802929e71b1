"""From lids, gaze and camera to a picture: one look-up a pixel, backwards from the camera."""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.simulator.raster import EXACT

# Layout of the maps. It stands here, as numba keeps compiled code until this file changes.
#: Texels a half fissure: about one a pixel of the picture.
SCALE = 44
#: ``u`` of the skin's first column.
U_FROM = -2.25
#: The eyeball's map spans so many half fissures to each side of the pupil.
BALL = 1.75

# float32 throughout: float64 constants would slow every pixel down.
_SCALE, _U_FROM, _BALL = np.float32(SCALE), np.float32(U_FROM), np.float32(BALL)
_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)
# Indices are unsigned: numba would ask of every signed one whether it counts from the end.
_NEXT = np.uintp(1)
# Neither opening nor lashes reach farther to the sides.
_EYE_HALF = np.float32(1.2)

Map = NDArray[np.float32]


class Camera(NamedTuple):
    """Where the eye's middle is (pixels), pixels a half fissure, rotation (radians); float32."""

    x: Any
    y: Any
    scale: Any
    rotation: Any


class Skin(NamedTuple):
    """Skin and how it lies."""

    #: float32 ``[rows, columns]``.
    reflectance: Map
    #: v of forehead, brow, fold, upper margin, lower margin, cheek, below: ``[7, columns]``.
    lines: Map
    #: Between line k and the next, v shows row ``stretch[k] * v + shift[k]``: ``[6, columns]``.
    stretch: Map
    shift: Map
    #: How far the brow's skin has moved to the nose, float32.
    inwards: Any


class Eyeball(NamedTuple):
    """What is seen between the lids, and the lashes on them; numbers are float32."""

    #: ``[s, s]``, and ``[rows, columns]`` from the lashes' roots to their tips.
    reflectance: Map
    lashes: Map
    pupil_x: Any
    pupil_y: Any
    pupil_radius: Any
    #: Reach of the upper lashes, below 0 upwards, and of the lower.
    upper_reach: Any
    lower_reach: Any
    #: ``[n, 4]``: x, y, radius and strength of reflections.
    glints: Map


class Light(NamedTuple):
    """Intensities, float32."""

    #: Of a white surface: ``[H, W]``.
    white: Map
    #: Its average, and that of light scattered in the lens.
    level: Any
    veil: Any


def _compiled(function: Any) -> Any:
    return njit(cache=True, nogil=True, fastmath=EXACT)(function)


def draw(camera: Camera, skin: Skin, eye: Eyeball, light: Light, out: Map) -> None:
    """Write the picture of one moment into ``out``, float32 ``[H, W]``."""
    _draw(*camera, *skin, *eye, *light, out)


@_compiled
def _draw(  # type: ignore[no-untyped-def]
    camera_x, camera_y, size, rotation, reflectance, lines, stretch, shift, inwards, ball, lashes,
    pupil_x, pupil_y, pupil_radius, upper_reach, lower_reach, glints, white, level, veil, out,
):  # fmt: skip
    # Flat arguments and few helpers: numba counts references to arrays that lie in tuples, or
    # are handed on, at every pixel. A row at a time that does not matter.
    cosine = np.float32(math.cos(rotation)) / size
    sine = np.float32(math.sin(rotation)) / size
    last = np.float32(lines.shape[1]) - np.float32(1.001)
    reach = max(abs(upper_reach), lower_reach)
    top, bottom = lines[3].min() - reach, lines[4].max() + reach
    us, vs, columns = np.empty((3, out.shape[1]), np.float32)
    for y in range(out.shape[0]):
        down = np.float32(y) - camera_y
        # No branch and no look-up, so that the compiler takes many pixels at once.
        for x in range(len(us)):
            right = np.float32(x) - camera_x
            u, v = right * cosine + down * sine, down * cosine - right * sine
            column = (u - inwards * _near_brow(v) - _U_FROM) * _SCALE
            us[x], vs[x], columns[x] = u, v, min(max(column, _ZERO), last)
        _draw_skin(vs, columns, reflectance, lines, stretch, shift, white[y], veil, out[y])
        _draw_eye(
            us, vs, columns, top, bottom, size, lines, ball, lashes, pupil_x, pupil_y,
            pupil_radius, upper_reach, lower_reach, glints, white[y], level, veil, out[y],
        )  # fmt: skip


@_compiled
def _draw_skin(  # type: ignore[no-untyped-def]
    vs, columns, reflectance, lines, stretch, shift, white, veil, out
):
    """Write one row's skin, also where the eye is: asking first would take longer."""
    last = np.float32(reflectance.shape[0]) - np.float32(1.001)
    for x in range(len(vs)):
        v, column = vs[x], columns[x]
        # By way of int32: the processor turns no float32 into an unsigned integer.
        whole = np.int32(column)
        j, part = np.uintp(whole), column - np.float32(whole)
        # The fourth piece, between the lids, is nowhere.
        k = np.uintp(
            np.int32(v > lines[1, j]) + np.int32(v > lines[2, j])
            + np.int32(2) * np.int32(v >= lines[3, j]) + np.int32(v > lines[5, j])
        )  # fmt: skip
        a = stretch[k, j] + (stretch[k, j + _NEXT] - stretch[k, j]) * part
        b = shift[k, j] + (shift[k, j + _NEXT] - shift[k, j]) * part
        row = min(max(a * v + b, _ZERO), last)
        whole = np.int32(row)
        i, below = np.uintp(whole), row - np.float32(whole)
        here = reflectance[i, j] + (reflectance[i, j + _NEXT] - reflectance[i, j]) * part
        i += _NEXT
        there = reflectance[i, j] + (reflectance[i, j + _NEXT] - reflectance[i, j]) * part
        out[x] = (here + (there - here) * below) * white[x] + veil


@_compiled
def _draw_eye(  # type: ignore[no-untyped-def]
    us, vs, columns, top, bottom, size, lines, ball, lashes, pupil_x, pupil_y, pupil_radius,
    upper_reach, lower_reach, glints, white, level, veil, out,
):  # fmt: skip
    """Draw one row of the eyeball and the lashes over the skin, between ``top`` and ``bottom``."""
    tip = np.float32(lashes.shape[0] - 1)
    for x in range(len(us)):
        u, v = us[x], vs[x]
        if not (top < v < bottom and -_EYE_HALF < u < _EYE_HALF):
            continue
        column = columns[x]
        whole = np.int32(column)
        j, part = np.uintp(whole), column - np.float32(whole)
        upper = lines[3, j] + (lines[3, j + _NEXT] - lines[3, j]) * part
        lower = lines[4, j] + (lines[4, j + _NEXT] - lines[4, j]) * part
        # How much of the pixel lies in the opening between the lids.
        opened = _opened(v - upper, lower - v, size)
        value, gleam = out[x] - veil, _ZERO
        if opened > _ZERO:
            bx, by = u - pupil_x, v - pupil_y
            seen = _look_up(ball, (by + _BALL) * _SCALE, (bx + _BALL) * _SCALE)
            seen = _with_pupil(seen, bx, by, pupil_radius, size) * _shade(u, v - upper)
            value += (seen * white[x] - value) * opened
            for g in range(glints.shape[0]):
                gx, gy = (u - glints[g, 0]) / glints[g, 2], (v - glints[g, 1]) / glints[g, 2]
                gleam += glints[g, 3] * _blob(gx * gx + gy * gy)
            gleam *= opened
        along = (v - upper) / upper_reach
        if _ZERO < along < _ONE:
            value *= _ONE - _look_up(lashes, along * tip, column)
        along = (v - lower) / lower_reach
        if _ZERO < along < _ONE:
            value *= _ONE - _HALF * _look_up(lashes, along * tip, column)
        out[x] = value + (gleam * level + veil)


@_compiled
def _near_brow(v):  # type: ignore[no-untyped-def]
    """How much of the brow's way to the nose the skin at height ``v`` goes."""
    off = (v + np.float32(0.95)) * np.float32(1.3)
    near = max(_ONE - off * off, _ZERO)
    return near * near


@_compiled
def _opened(under_upper, over_lower, size):  # type: ignore[no-untyped-def]
    if under_upper + over_lower < np.float32(0.002):
        return _ZERO
    return min(max(min(under_upper, over_lower) * size + _HALF, _ZERO), _ONE)


@_compiled
def _with_pupil(seen, x, y, pupil_radius, size):  # type: ignore[no-untyped-def]
    radius = np.float32(math.sqrt(x * x + y * y))
    black = min(max((pupil_radius - radius) * size + _HALF, _ZERO), _ONE)
    return seen + (np.float32(0.02) - seen) * black


@_compiled
def _shade(u, under_lid):  # type: ignore[no-untyped-def]
    """The upper lid's shadow, and flesh in the inner corner."""
    deep = under_lid * np.float32(9.0)
    shade = _ONE - _HALF / (_ONE + deep * deep)
    return shade * np.float32(0.6) if u > np.float32(0.86) else shade


@_compiled
def _blob(far):  # type: ignore[no-untyped-def]
    return np.float32(math.exp(-far * far)) if far < np.float32(4.0) else _ZERO


@_compiled
def _look_up(array, row, column):  # type: ignore[no-untyped-def]
    """Bilinear; clamped at the edges."""
    row = min(max(row, _ZERO), np.float32(array.shape[0]) - np.float32(1.001))
    column = min(max(column, _ZERO), np.float32(array.shape[1]) - np.float32(1.001))
    whole_row, whole_column = np.int32(row), np.int32(column)
    i, j = np.uintp(whole_row), np.uintp(whole_column)
    di, dj = row - np.float32(whole_row), column - np.float32(whole_column)
    top = array[i, j] + (array[i, j + _NEXT] - array[i, j]) * dj
    bottom = array[i + _NEXT, j] + (array[i + _NEXT, j + _NEXT] - array[i + _NEXT, j]) * dj
    return top + (bottom - top) * di
