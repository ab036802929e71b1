"""Where the lids' margins run, from the corners of the eye and the units that pull them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.simulator.eye_subject import Lids


def lid_arches(lids: Lids, u: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Shapes of the upper and the lower margin over ``u``: 1 where farthest open, 0 outside."""
    upper = _arch(u, lids.skew, lids.roundness)
    lower = _arch(u, -0.5 * lids.skew, 2.0)
    return upper, lower


def lid_lines(
    lids: Lids,
    u: NDArray[np.float64],
    wide: float,
    raised: float,
    closed: float,
    arches: tuple[NDArray[Any], NDArray[Any]] | None = None,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """``v`` of the upper and the lower margin over ``u``.

    ``wide`` is how much higher than at rest the upper lid stands (half fissures), ``raised``
    the share of its way up that the lower lid has gone, ``closed`` the share of its way down
    that the upper lid has gone: at 1 it touches the lower. ``arches`` saves computing
    :func:`lid_arches` again.
    """
    upper_arch, lower_arch = lid_arches(lids, u) if arches is None else arches
    corners = lids.tilt * np.clip(u, -1.2, 1.2)
    lower = corners + lids.lower * (1.0 - raised) * lower_arch
    upper = corners - (lids.upper + wide) * upper_arch
    return upper + (lower - upper) * closed, lower


def over_eye(u: NDArray[np.float64], half: float) -> NDArray[np.float64]:
    """An arch over the eye: 1 in its middle, 0 at ``-half`` and ``half`` and beyond."""
    return np.clip(1.0 - (u / half) ** 2, 0.0, 1.0)


def _arch(u: NDArray[np.float64], skew: float, power: float) -> NDArray[np.float64]:
    # Skewing keeps the corners where they are.
    place = np.clip(np.abs(u - skew * np.clip(1.0 - u * u, 0.0, 1.0)), 0.0, 1.0)
    return np.asarray(1.0 - place**power)
