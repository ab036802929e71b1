"""Reflectance maps of one person's skin, eyeball and lashes, drawn once, moved by the scene.

The maps lie in the skin's own coordinates (see :mod:`training.simulator.eye_subject`): they
show the face at rest, and the scene looks up which piece of skin has come where.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.simulator.eye_lids import lid_lines, over_eye
from training.simulator.eye_raster import BALL, SCALE, U_FROM, Map
from training.simulator.eye_subject import Brow, EyeSubject
from training.simulator.eye_wrinkles import wrinkle_maps

#: The piece of skin that has a texture, beside U_FROM: u to, v from, v to.
U_TO, V_FROM, V_TO = 2.25, -2.65, 1.85
_LASH_ROWS = 9
#: At least as large as any map, and quick to transform.
_NOISE_SIDE = 256

#: Columns of the skin's maps, over U_FROM to U_TO.
COLUMNS = U_FROM + np.arange(round((U_TO - U_FROM) * SCALE) + 1) / SCALE
_ROWS = V_FROM + np.arange(round((V_TO - V_FROM) * SCALE) + 1) / SCALE


@dataclass(frozen=True)
class EyeTexture:
    """Maps of reflectance (0 to 1), float32; C order."""

    #: ``[rows, columns]``, over U_FROM..U_TO and V_FROM..V_TO.
    skin: Map
    #: ``[5, rows, columns]``: the share of light that each full wrinkle takes.
    wrinkles: Map
    #: ``[s, s]`` over -BALL..BALL from the pupil's centre.
    ball: Map
    #: ``[rows, columns]``, 0 to 1: how much a lash covers, from the margin to its tip.
    lashes: Map


@lru_cache(maxsize=4)
def eye_texture(subject: EyeSubject) -> EyeTexture:
    """The maps of ``subject``; the same arrays again for the same subject, so read-only."""
    generator = np.random.default_rng(subject.texture_seed)
    u, v = np.meshgrid(COLUMNS, _ROWS)
    skin = _skin(subject, u, v, generator)
    wrinkles = wrinkle_maps(subject, u, v, generator)
    stay = subject.surface.age * wrinkles.max(axis=0)
    texture = EyeTexture(
        skin=(skin * (1.0 - stay)).astype(np.float32),
        wrinkles=wrinkles.astype(np.float32),
        ball=_ball(subject, generator).astype(np.float32),
        lashes=_lashes(subject, generator).astype(np.float32),
    )
    for array in vars(texture).values():
        array.setflags(write=False)
    return texture


def _skin(
    subject: EyeSubject,
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    surface, lids, brow = subject.surface, subject.lids, subject.brow
    upper, lower = lid_lines(lids, u, 0.0, 0.0, 0.0)
    middle = brow.line(u)

    log = surface.mottle * _noise(generator, u.shape, 9.0)
    log += surface.mottle * 0.7 * _noise(generator, u.shape, 3.5)
    log += surface.pores * _noise(generator, u.shape, 0.8)
    log += surface.nose_shade * np.clip((u - 1.15) / 0.5, 0.0, 1.0)
    # The socket between lid and brow lies deeper.
    log -= surface.socket_shade * np.exp(-(((v - 0.55 * middle) / 0.25) ** 2)) * (np.abs(u) < 1.6)
    log += np.log1p(-_spots(subject, u, v, generator))
    fold = np.exp(-(((v - upper + lids.fold * over_eye(u, 1.15)) / 0.035) ** 2))
    log += np.log1p(-lids.fold_depth * fold * over_eye(u, 1.2))
    bag = np.exp(-(((v - lower - 0.3 * over_eye(u, 1.3) ** 0.5) / 0.06) ** 2))
    log += np.log1p(-lids.bag_depth * bag * over_eye(u, 1.15))
    # A dark rim where lashes root, and the wet line below.
    log -= 0.5 * np.exp(-(((v - upper + 0.02) / 0.03) ** 2)) * over_eye(u, 1.05)
    log += _make_up(subject, v, upper, u)
    skin = surface.skin * np.exp(log)
    cover = _brow_cover(brow, u, v - middle, generator)
    return np.clip(skin * (1.0 - cover) + brow.reflectance * cover, 0.02, 0.95)


def _make_up(
    subject: EyeSubject,
    v: NDArray[np.float64],
    upper: NDArray[np.float64],
    u: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What a line on the upper lid, drawn beyond the outer corner, and shadow on it take: log."""
    surface, fold = subject.surface, subject.lids.fold
    above = upper - v
    # The line rises towards the temple where the eye ends.
    above = above - 0.5 * np.clip(-0.95 - u, 0.0, 0.4)
    line = np.exp(-(((above - 0.03) / 0.05) ** 4)) * (np.abs(u + 0.15) < 1.15)
    painted = np.clip(above / 0.03, 0.0, 1.0) * np.clip((fold + 0.12 - above) / 0.1, 0.0, 1.0)
    lid = painted * over_eye(u, 1.25) ** 0.5
    return np.asarray(np.log1p(-surface.liner * line) + np.log1p(-surface.shadow * lid))


def _brow_cover(
    brow: Brow,
    u: NDArray[np.float64],
    height: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """How much hair covers the skin: 0 to 1; ``height`` over the brow's middle, down positive."""
    along = (u - brow.outer) / (brow.inner - brow.outer)
    width = brow.thickness * (brow.taper + (1.0 - brow.taper) * np.clip(along, 0.0, 1.0))
    body = 1.0 / (1.0 + (np.abs(height) / np.maximum(width / 2, 0.02)) ** 6)
    ends = np.clip(along * 12.0, 0.0, 1.0) * np.clip((1.0 - along) * 8.0, 0.0, 1.0)
    # Hairs lean with their place along the brow, and no two brows lie alike.
    bend = 0.35 * _noise(generator, u.shape, 6.0)
    phase = brow.hairs * (u - height * brow.lean * (1.3 - along)) + bend
    hair = 0.5 + 0.5 * np.sin(2.0 * np.pi * phase) + 0.45 * _noise(generator, u.shape, 1.2)
    patch = 1.0 + 0.25 * _noise(generator, u.shape, 5.0)
    return np.clip(body * ends * brow.density * patch * (0.6 + 0.4 * hair), 0.0, 1.0)


def _spots(
    subject: EyeSubject,
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Freckles and moles: the share of light that they take, 0 to 0.85."""
    surface = subject.surface
    dark = np.zeros(u.shape)
    kinds = [(0.022, 0.055, surface.freckle_depth)] * surface.freckles
    kinds += [(0.045, 0.085, 0.8)] * surface.moles
    for smallest, largest, depth in kinds:
        at_u, at_v = generator.uniform(-1.7, 1.7), generator.uniform(-1.6, 1.4)
        radius = generator.uniform(smallest, largest)
        near = np.exp(-(((u - at_u) ** 2 + (v - at_v) ** 2) / radius**2))
        np.maximum(dark, depth * near, out=dark)
    return np.minimum(dark, 0.85)


def _ball(subject: EyeSubject, generator: np.random.Generator) -> NDArray[np.float64]:
    surface = subject.surface
    places = np.arange(round(2 * BALL * SCALE) + 1) / SCALE - BALL
    x, y = np.meshgrid(places, places)
    radius, angle = np.hypot(x, y) / surface.iris_radius, np.arctan2(y, x)
    fibres = np.zeros(radius.shape)
    for count in generator.integers(5, 22, 6):
        shift, turn = generator.uniform(0.0, 2 * np.pi), generator.uniform(-1.5, 1.5)
        fibres += np.sin(count * angle + shift + turn * radius) / 3.0
    collar = np.exp(-(((radius - generator.uniform(0.5, 0.7)) / 0.1) ** 2))
    iris = surface.iris * np.exp(surface.iris_contrast * (fibres + collar))
    iris = iris * (1.0 - surface.iris_ring * np.exp(-(((radius - 0.97) / 0.1) ** 2)))
    # Veins: ridges of smooth noise, fewer near the iris.
    ridge = np.exp(-((_noise(generator, x.shape, 3.0) / 0.18) ** 2))
    veins = surface.veins * ridge * np.clip(radius - 1.2, 0.0, 1.0)
    inside = 1.0 / (1.0 + np.exp((radius - 1.0) * surface.iris_radius * SCALE * 1.5))
    return np.clip(iris * inside + surface.sclera * (1.0 - veins) * (1.0 - inside), 0.02, 0.95)


def _lashes(subject: EyeSubject, generator: np.random.Generator) -> NDArray[np.float64]:
    reach = np.linspace(0.0, 1.0, _LASH_ROWS)[:, None]
    cover = np.zeros((_LASH_ROWS, len(COLUMNS)))
    for root in np.arange(-1.0, 0.85, 0.075) + generator.normal(0.0, 0.02, 25):
        lean = 0.12 * root + generator.normal(0.0, 0.04)
        length = generator.uniform(0.7, 1.0)
        near = np.exp(-(((COLUMNS[None, :] - root - lean * reach) / 0.02) ** 2))
        np.maximum(cover, near * np.clip((length - reach) * 6.0, 0.0, 1.0), out=cover)
    return subject.lids.lash_depth * cover


def _noise(
    generator: np.random.Generator, shape: tuple[int, ...], sigma: float
) -> NDArray[np.float64]:
    """White noise blurred by a Gaussian of ``sigma`` texels, of standard deviation 1."""
    frequency_y, frequency_x = np.fft.fftfreq(_NOISE_SIDE), np.fft.rfftfreq(_NOISE_SIDE)
    square = frequency_y[:, None] ** 2 + frequency_x[None, :] ** 2
    blur = np.exp(-2.0 * (np.pi * sigma) ** 2 * square)
    white = generator.standard_normal((_NOISE_SIDE, _NOISE_SIDE))
    noise = np.fft.irfft2(np.fft.rfft2(white) * blur, white.shape)
    return np.asarray(noise[: shape[0], : shape[1]] / noise.std())
