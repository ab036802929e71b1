import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from training.simulator.raster import COLUMNS, draw

WHITE = np.ones((1, 8, 8), np.float32)


def part(**values: float) -> NDArray[np.float32]:
    row = dict.fromkeys(COLUMNS, 0.0) | values
    return np.array([[row[name] for name in COLUMNS]], np.float32)


def drawn(parts: NDArray[np.float32], textures: NDArray[np.float32] = WHITE) -> NDArray[np.float32]:
    out = np.zeros((64, 96), np.float32)
    draw(parts, textures, (0.0, 0.0), out)
    return out


def cover(image: NDArray[np.float32]) -> float:
    return float(np.count_nonzero(image > 0.3))


@pytest.mark.parametrize("angle", [0.0, 0.4, 1.1, 2.6])
def test_a_capsule_has_its_area(angle: float) -> None:
    dx, dy = 15 * np.cos(angle), 15 * np.sin(angle)
    image = drawn(part(x0=48.4 - dx, y0=32.3 - dy, x1=48.4 + dx, y1=32.3 + dy, rim0=9, rim1=9))
    assert cover(image) == pytest.approx(np.pi * 9**2 + 30 * 18, rel=0.03)


def test_a_flat_middle_makes_a_trapezoid() -> None:
    image = drawn(part(x0=48, y0=10, x1=48, y1=50, flat0=19, flat1=9, rim0=1, rim1=1))
    # The rims reach 1 pixel beyond either end.
    assert cover(image) == pytest.approx(40 * 30 + 40 + 20, rel=0.05)
    assert cover(image[12]) > 1.6 * cover(image[48])


def test_nothing_is_drawn_outside() -> None:
    image = drawn(part(x0=20, y0=20, x1=30, y1=20, rim0=5, rim1=5))
    image[14:27, 14:37] = 0
    assert not image.any()


@pytest.mark.parametrize("place", [(-40, 10), (95, 63), (500, 500), (48, -9)])
def test_parts_may_lie_partly_or_wholly_outside_the_picture(place: tuple[int, int]) -> None:
    x, y = place
    image = drawn(part(x0=x, y0=y, x1=x + 8, y1=y + 8, rim0=6, rim1=6))
    assert np.isfinite(image).all()
    assert image.any() == (place in {(95, 63), (48, -9)})


def test_later_parts_cover_earlier_ones() -> None:
    textures = np.stack([np.full((4, 4), value, np.float32) for value in (0.2, 0.8)])
    parts = np.concatenate(
        [part(x0=48, y0=32, x1=48, y1=32.1, rim0=6, rim1=6, texture=k) for k in (0, 1)]
    )
    assert drawn(parts, textures)[32, 48] == pytest.approx(0.8, abs=0.01)
    assert drawn(parts[::-1], textures)[32, 48] == pytest.approx(0.2, abs=0.01)


def test_a_texture_runs_along_and_across_its_part() -> None:
    along = np.linspace(0.1, 0.9, 16, dtype=np.float32)
    bar = part(x0=20, y0=32, x1=70, y1=32, flat0=7, flat1=7, rim0=1, rim1=1)
    image = drawn(bar, np.repeat(along[:, None], 16, 1)[None])
    assert (np.diff(image[32, 22:68]) > 0).all()
    # Across a part that points right lies down: its columns go from above to below.
    image = drawn(bar, np.repeat(along[None], 16, 0)[None])
    middle = image[27:38, 45]
    assert (np.diff(middle) > 0).all()


def test_textures_are_interpolated_as_scipy_does() -> None:
    texture = np.random.default_rng(0).uniform(0.1, 1, (9, 9)).astype(np.float32)
    bar = part(x0=10, y0=32, x1=74, y1=32, flat0=19, flat1=19, rim0=1, rim1=1)
    image = drawn(bar, texture[None])
    rows, columns = np.mgrid[30:35, 20:60]
    u, v = (columns - 10 + 1) / 66, (rows - 32) / 20
    expected = map_coordinates(texture, [u * 8, (v + 1) * 4], order=1) * (1 - 0.35 * v**2)
    assert image[30:35, 20:60] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("angle", [0.0, np.pi / 2, np.pi, 4.0])
def test_light_from_a_side_brightens_that_side(angle: float) -> None:
    out = np.zeros((64, 96), np.float32)
    dx, dy = 10 * np.cos(angle), 10 * np.sin(angle)
    draw(
        part(x0=48 - dx, y0=32 - dy, x1=48 + dx, y1=32 + dy, rim0=9, rim1=9),
        WHITE,
        (0.4 * -np.sin(angle), 0.4 * np.cos(angle)),
        out,
    )
    y, x = 32 + 5 * np.cos(angle), 48 - 5 * np.sin(angle)
    bright, dark = out[round(y), round(x)], out[round(64 - y), round(96 - x)]
    assert bright > dark + 0.2
