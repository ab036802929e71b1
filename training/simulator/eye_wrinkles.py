"""Wrinkles that an expression draws around the eye, and that go when it goes."""

import numpy as np
from numpy.typing import NDArray

from training.simulator.emotions import ActionUnits
from training.simulator.eye_lids import lid_lines, over_eye
from training.simulator.eye_subject import EyeSubject


def wrinkle_depths(units: ActionUnits) -> NDArray[np.float32]:
    """How deep each of :func:`wrinkle_maps` becomes under ``units``: float32 ``[5]``."""
    return np.array(
        [
            max(units.inner_brow_raiser, units.outer_brow_raiser),
            units.brow_lowerer,
            units.nose_wrinkler,
            units.cheek_raiser,
            0.6 * (units.lid_tightener + units.cheek_raiser),
        ],
        np.float32,
    )


def wrinkle_maps(
    subject: EyeSubject,
    u: NDArray[np.float64],
    v: NDArray[np.float64],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Wrinkles of ``subject`` at the skin's places ``u``, ``v``: float64 ``[5, *u.shape]``.

    Each is the share of light that it takes where it is pulled in full: 0 to 0.84.
    """
    uniform = generator.uniform
    middle = subject.brow.line(u)
    _, lower = lid_lines(subject.lids, u, 0.0, 0.0, 0.0)
    wave = 0.05 * np.sin(u * uniform(2.0, 4.0) + uniform(0.0, 6.3))
    # Lines across the forehead, above the brow.
    over = middle - subject.brow.thickness / 2 - 0.1 - v + wave
    forehead = _lines(over, uniform(0.17, 0.28), 0.04) * (over > 0.0) * np.exp(-over / 0.5)
    # Upright lines between the brows.
    between = np.exp(-(((v + 0.85) / 0.4) ** 2)) * (u > 1.05)
    frown = _lines(u - uniform(1.15, 1.3) + 0.1 * v, uniform(0.2, 0.3), 0.045) * between
    # Slanted lines beside the nose's bridge.
    bridge = 1.4 * np.exp(-(((u - 1.4) / 0.4) ** 2) - ((v + 0.1) / 0.55) ** 2)
    nose = _lines(v - uniform(0.5, 0.9) * u, uniform(0.16, 0.24), 0.04) * bridge
    # Crow's feet fan out from the outer corner.
    angle = np.arctan2(v - 0.05, -(u + 0.85))
    distance = np.hypot(u + 0.85, v - 0.05)
    fan = (distance > 0.25) * np.exp(-(((distance - 0.45) / 0.35) ** 2)) * (np.abs(angle) < 1.0)
    crow = _lines(angle + uniform(0.0, 0.4), uniform(0.3, 0.45), 0.07) * fan * (u < -0.85)
    # Folds under the lower lid.
    beneath = v - lower - 0.06 + wave
    under = _lines(beneath, uniform(0.14, 0.2), 0.035) * (beneath > 0.0) * (beneath < 0.5)
    under = under * over_eye(u, 1.1)
    return 0.6 * subject.surface.wrinkles * np.stack([forehead, frown, nose, crow, under])


def _lines(across: NDArray[np.float64], apart: float, width: float) -> NDArray[np.float64]:
    """Dark lines, 0 to 1, wherever ``across`` is a multiple of ``apart``."""
    nearest = np.abs(across - apart * np.round(across / apart))
    return np.asarray(np.exp(-((nearest / width) ** 2)))
