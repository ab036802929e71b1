"""Draws textured, shaded body parts over a background, edges one pixel soft."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Columns of a part: its axis from start to end, then at each end the half width of its flat
#: middle and the radius of its rounded rim, all in pixels; last the number of its texture.
#: Without a flat middle a part is a capsule, with one a rounded trapezoid.
COLUMNS = ("x0", "y0", "x1", "y1", "flat0", "flat1", "rim0", "rim1", "texture")

#: What the compiler may assume without rounding otherwise: a contracted or reordered sum depends
#: on what was inlined, and so on whether a function came from numba's cache.
EXACT = {"nnan", "ninf", "nsz"}


@njit(cache=True, nogil=True, fastmath=EXACT, error_model="numpy")  # type: ignore[untyped-decorator]
def _place(part, x, y, u, v, cover):  # type: ignore[no-untyped-def]
    """Where in its own frame ``part`` has the pixels of row ``y`` from ``x`` on, and how much.

    ``u`` runs along the part, ``v`` across it, both 0..1; ``cover`` is 0 outside.
    """
    zero, half, one = np.float32(0), np.float32(0.5), np.float32(1)
    x0, y0, x1, y1, flat0, flat1, rim0, rim1 = part[:8]
    length = max(np.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2), np.float32(1e-3))
    along_x, along_y = (x1 - x0) / length, (y1 - y0) / length
    per_length, per_whole = one / length, one / (length + rim0 + rim1)
    dx0, dy = np.float32(x) - x0, np.float32(y) - y0
    # No branch and no look-up, so that the compiler takes many pixels at once.
    for k in range(len(cover)):
        dx = dx0 + np.float32(k)
        along = dx * along_x + dy * along_y
        across = dy * along_x - dx * along_y
        share = min(max(along * per_length, zero), one)
        flat = flat0 + (flat1 - flat0) * share
        rim = rim0 + (rim1 - rim0) * share
        beside = max(abs(across) - flat, zero)
        beyond = along - share * length
        away = np.sqrt(beside * beside + beyond * beyond)
        cover[k] = min(max(rim + half - away, zero), one)
        u[k] = min(max((along + rim0) * per_whole, zero), one)
        v[k] = min(max(half + half * across / (flat + rim), zero), one)


@njit(cache=True, nogil=True, fastmath=EXACT, error_model="numpy")  # type: ignore[untyped-decorator]
def _paint(texture, sideways, u, v, cover, line):  # type: ignore[no-untyped-def]
    """Blend the shaded texture (bilinear) into the pixels of one row."""
    half, one = np.float32(0.5), np.float32(1)
    cells = np.float32(len(texture) - 1)
    last = cells - half
    for k in range(len(cover)):
        if cover[k] == 0:
            continue
        across = v[k] - half
        shade = one - np.float32(1.4) * across * across + sideways * across
        a, b = u[k] * cells, v[k] * cells
        # A cell short of the end, so that there is a next one.
        i, j = np.uint64(min(a, last)), np.uint64(min(b, last))
        a, b = a - np.float32(i), b - np.float32(j)
        upper, lower = texture[i], texture[i + np.uint64(1)]
        here = upper[j] + (upper[j + np.uint64(1)] - upper[j]) * b
        there = lower[j] + (lower[j + np.uint64(1)] - lower[j]) * b
        line[k] += cover[k] * (shade * (here + (there - here) * a) - line[k])


@njit(cache=True, nogil=True, fastmath=EXACT, error_model="numpy")  # type: ignore[untyped-decorator]
def _draw(parts, textures, light_x, light_y, out):  # type: ignore[no-untyped-def]
    height, width = out.shape
    one = np.float32(1)
    row_u, row_v, row_cover = (
        np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32),
    )  # fmt: skip
    for part in parts:
        x0, y0, x1, y1, flat0, flat1, rim0, rim1, texture = part
        wide0, wide1 = flat0 + rim0 + one, flat1 + rim1 + one
        left = max(0, int(np.floor(min(x0 - wide0, x1 - wide1))))
        right = min(width, int(np.ceil(max(x0 + wide0, x1 + wide1))) + 1)
        top = max(0, int(np.floor(min(y0 - wide0, y1 - wide1))))
        bottom = min(height, int(np.ceil(max(y0 + wide0, y1 + wide1))) + 1)
        if left >= right:
            continue
        length = np.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2) + np.float32(1e-3)
        sideways = np.float32(2) * (light_y * (x1 - x0) - light_x * (y1 - y0)) / length
        u, v, cover = row_u[: right - left], row_v[: right - left], row_cover[: right - left]
        for row in range(top, bottom):
            _place(part, left, row, u, v, cover)
            _paint(textures[int(texture)], sideways, u, v, cover, out[row, left:right])


def draw(
    parts: NDArray[np.float32],
    textures: NDArray[np.float32],
    light: tuple[float, float],
    out: NDArray[np.float32],
) -> None:
    """Draw ``parts`` ``[parts, 9]``, back to front, over ``out`` ``[H, W]``, in place.

    ``textures`` ``[textures, S, S]`` hold reflectances: rows along a part's axis, columns
    across it. ``light`` says how much brighter the sides towards +x and +y are, each within
    +-0.4.
    """
    _draw(parts, textures, np.float32(light[0]), np.float32(light[1]), out)
