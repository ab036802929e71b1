"""What a subject wears and looks like, as textures: reflectances in a body part's own frame.

Rows run along the part (a torso's from the shoulders down, a head's from the crown down),
columns across it.
"""

import numpy as np
from numpy.typing import NDArray

#: Cells of a texture along either side.
CELLS = 48
Texture = NDArray[np.float32]

_U, _V = np.meshgrid(np.linspace(0, 1, CELLS), np.linspace(-1, 1, CELLS), indexing="ij")


def _step(x: NDArray[np.float64], soft: float = 0.35) -> NDArray[np.float64]:
    """From 0 to 1 around ``x`` = 0, over a width that a pixel can follow."""
    edge: NDArray[np.float64] = np.clip(x / soft * 0.5 + 0.5, 0, 1)
    return edge


def _noise(generator: np.random.Generator, along: int, across: int) -> NDArray[np.float64]:
    """Smooth noise of mean 0 and deviation 1 with ``along`` times ``across`` blobs."""
    knots = generator.normal(size=(along + 1, across + 1))
    u = np.linspace(0, along, CELLS)
    v = np.linspace(0, across, CELLS)
    rows = np.stack([np.interp(u, np.arange(along + 1), column) for column in knots.T], 1)
    blobs = np.stack([np.interp(v, np.arange(across + 1), row) for row in rows])
    smooth: NDArray[np.float64] = (blobs - blobs.mean()) / blobs.std()
    return smooth


def _pattern(generator: np.random.Generator, kind: str, repeats: float) -> NDArray[np.float64]:
    """Where the second colour is, 0..1."""
    phase = generator.uniform(0, 2 * np.pi)
    along = np.sin(2 * np.pi * repeats * _U + phase)
    across = np.sin(np.pi * repeats * _V + phase)
    match kind:
        case "rings":
            return _step(along + generator.uniform(-0.5, 0.5))
        case "stripes":
            return _step(across + generator.uniform(-0.5, 0.5))
        case "diagonal":
            slope = generator.choice((-1, 1)) * generator.uniform(0.5, 1.0)
            return _step(np.sin(2 * np.pi * repeats * (_U + 0.5 * slope * _V) + phase))
        case "checks":
            return 0.5 * (_step(along) + _step(across))
        case "blobs":
            size = max(2, round(repeats))
            return _step(_noise(generator, size + 1, size) - generator.uniform(-0.3, 0.6))
        case "halves":
            return _step((_U - generator.uniform(0.3, 0.6)) * 12)
        case "emblem":
            u0, v0 = generator.uniform(0.2, 0.45), generator.uniform(-0.3, 0.3)
            tall, wide = generator.uniform(0.08, 0.2), generator.uniform(0.25, 0.55)
            round_ = ((_U - u0) / tall) ** 2 + ((_V - v0) / wide) ** 2
            return _step((1 - round_) * 1.5)
        case _:
            return np.zeros_like(_U)


def _seams(generator: np.random.Generator) -> NDArray[np.float64]:
    """Dark lines of a front's opening, a pocket, a hem: 1 where there is none."""
    shade = np.ones_like(_U)
    if generator.random() < 0.6:
        shade -= 0.45 * np.exp(-(((_V - generator.uniform(-0.1, 0.1)) / 0.06) ** 2))
    if generator.random() < 0.6:
        side, u0 = generator.choice((-1, 1)), generator.uniform(0.2, 0.7)
        inside = (np.abs(_V - 0.45 * side) < 0.25) & (np.abs(_U - u0) < 0.1)
        shade -= 0.35 * inside
    if generator.random() < 0.5:
        shade -= 0.3 * np.exp(-(((_U - generator.uniform(0.75, 0.95)) / 0.03) ** 2))
    kept: NDArray[np.float64] = np.clip(shade, 0.3, 1)
    return kept


def _two(generator: np.random.Generator) -> tuple[float, float]:
    """Reflectances of two colours that a pixel tells apart."""
    dark = 0.05 * 6 ** generator.random()
    bright = min(dark * generator.uniform(2.2, 5.0), 0.85)
    return (dark, bright) if generator.random() < 0.5 else (bright, dark)


def _mix(colours: tuple[float, float], share: NDArray[np.float64]) -> NDArray[np.float64]:
    mixed: NDArray[np.float64] = np.exp(
        np.log(colours[0]) * (1 - share) + np.log(colours[1]) * share
    )
    return mixed


KINDS = ("rings", "stripes", "diagonal", "checks", "blobs", "halves", "emblem", "plain")


def _head(generator: np.random.Generator, skin: float, hair: float) -> NDArray[np.float64]:
    """Hair, brows, eyes (behind glasses or not), nose, mouth (in a beard or not)."""
    face = np.full_like(_U, skin)
    line = generator.uniform(0.16, 0.34)
    curve = generator.uniform(-0.2, 0.25)
    parting = generator.uniform(-0.5, 0.5)
    hairline = line + curve * (_V - parting) ** 2
    sides = generator.uniform(0.72, 1.1)
    for v0 in (-0.4, 0.4):
        eye = np.exp(-(((_U - 0.5) / 0.05) ** 2) - (((_V - v0) / 0.2) ** 2))
        brow = np.exp(-(((_U - 0.42) / 0.03) ** 2) - (((_V - v0) / 0.25) ** 2))
        face *= (1 - 0.7 * eye) * (1 - 0.5 * brow)
    if generator.random() < 0.35:
        for v0 in (-0.4, 0.4):
            ring = np.hypot((_U - 0.5) / 0.1, (_V - v0) / 0.33)
            face *= 1 - 0.75 * np.exp(-(((ring - 1) / 0.28) ** 2))
        face *= 1 - 0.6 * (np.abs(_V) < 0.1) * np.exp(-(((_U - 0.49) / 0.03) ** 2))
    face *= 1 - 0.55 * np.exp(-(((_U - 0.78) / 0.03) ** 2) - ((_V / 0.3) ** 2))
    face *= 1 - 0.25 * np.exp(-(((_U - 0.65) / 0.05) ** 2) - ((_V / 0.12) ** 2))
    if generator.random() < 0.3:
        beard = _step((_U - generator.uniform(0.66, 0.8) + 0.15 * (1 - np.abs(_V))) * 10)
        face = face * (1 - beard) + hair * beard
    covered = np.maximum(_step((hairline - _U) * 14), _step((np.abs(_V) - sides) * 8))
    haired: NDArray[np.float64] = face * (1 - covered) + hair * covered
    return haired


#: Names of the textures that :func:`wardrobe` makes, in its order.
PARTS = ("torso", "upper_arm", "forearm", "skin", "head", "hair", "trousers")


def wardrobe(generator: np.random.Generator) -> NDArray[np.float32]:
    """One subject's textures, float32 ``[len(PARTS), CELLS, CELLS]``, reflectances 0.02..0.95."""
    skin = generator.uniform(0.18, 0.6)
    hair = 0.03 * 12 ** generator.random()
    cloth = _two(generator)
    kind = KINDS[generator.integers(len(KINDS))]
    torso = _mix(cloth, _pattern(generator, kind, generator.uniform(2.5, 5.5))) * _seams(generator)
    own_sleeves = generator.random() < 0.4
    sleeve_cloth = _two(generator) if own_sleeves else cloth
    sleeve_kind = KINDS[generator.integers(len(KINDS))] if own_sleeves else kind
    repeats = generator.uniform(1.5, 4.0)
    upper = _mix(sleeve_cloth, _pattern(generator, sleeve_kind, repeats))
    # A sleeve ends on the upper arm, on the forearm or at the wrist.
    ends = generator.choice((0.6, 1.3, 1.95), p=(0.45, 0.2, 0.35))
    fore = _mix(sleeve_cloth, _pattern(generator, sleeve_kind, repeats))
    upper = np.where(ends < _U, skin, upper)
    fore = np.where(ends < _U + 1, skin, fore)
    if generator.random() < 0.4:
        fore = np.where(np.abs(_U - 0.86) < 0.05, 0.04 if skin > 0.3 else 0.8, fore)
    plain = np.full_like(_U, skin)
    locks = hair * (1 + 0.25 * np.sin(np.pi * generator.uniform(3, 7) * _V))
    trousers = np.full_like(_U, 0.04 * 10 ** generator.random())
    trousers *= 1 - 0.4 * np.exp(-((_V / 0.08) ** 2))
    textures = [torso, upper, fore, plain, _head(generator, skin, hair), locks, trousers]
    return np.clip(np.stack(textures), 0.02, 0.95).astype(np.float32)
