"""How the skin around the eye moves: which piece of it is where, under one expression."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulator.emotions import ActionUnits
from training.simulator.eye_lids import lid_arches, lid_lines
from training.simulator.eye_raster import SCALE, Map, Skin
from training.simulator.eye_subject import EyeSubject
from training.simulator.eye_texture import COLUMNS, V_FROM, V_TO, eye_texture
from training.simulator.eye_wrinkles import wrinkle_depths


@dataclass(frozen=True)
class _Pull:
    """What an expression at its full strength does, in half fissures, up and over u."""

    brow: NDArray[np.float64]
    cheek: NDArray[np.float64]
    #: Towards the nose, at the brow.
    inwards: float
    wide: float
    raised: float
    droop: float

    @classmethod
    def of(cls, units: ActionUnits) -> "_Pull":
        # Nose, temple and cheekbone hold the skin: towards them nothing moves.
        inner = np.clip((COLUMNS + 0.5) / 1.6, 0.0, 1.0) * _fade(COLUMNS, 1.5, 2.1)
        outer = np.clip((0.5 - COLUMNS) / 1.4, 0.0, 1.0) * _fade(-COLUMNS, 1.6, 2.2)
        beside_nose = np.clip((COLUMNS - 0.2) / 1.0, 0.0, 1.0) * _fade(COLUMNS, 1.7, 2.2)
        return cls(
            brow=inner * (0.36 * units.inner_brow_raiser - 0.32 * units.brow_lowerer)
            + outer
            * (
                0.34 * units.outer_brow_raiser
                - 0.14 * units.brow_lowerer
                - 0.08 * units.cheek_raiser
                - 0.1 * units.lid_droop
            )
            - inner * 0.2 * units.nose_wrinkler,
            cheek=(0.26 * units.cheek_raiser + 0.12 * units.nose_wrinkler)
            * _fade(np.abs(COLUMNS), 1.2, 2.2)
            + 0.4 * units.nose_wrinkler * beside_nose,
            inwards=0.28 * units.brow_lowerer,
            wide=0.28 * units.upper_lid_raiser,
            raised=0.55 * units.lid_tightener
            + 0.6 * units.cheek_raiser
            + 0.2 * units.nose_wrinkler,
            droop=0.6 * units.lid_droop
            + 0.2 * units.lid_tightener
            + 0.2 * units.cheek_raiser
            + 0.12 * units.nose_wrinkler,
        )


class EyeFace:
    """The skin of ``subject``, pulled by ``units`` when these are at their full strength."""

    def __init__(self, subject: EyeSubject, units: ActionUnits) -> None:
        self._lids = subject.lids
        self._pull = _Pull.of(units)
        self._arches = lid_arches(subject.lids, COLUMNS)
        self._brow = subject.brow.line(COLUMNS)
        self._rest = self._lines(0.0, 0.0, 0.0)
        texture = eye_texture(subject)
        self._skin = texture.skin
        dark = np.tensordot(wrinkle_depths(units), texture.wrinkles, 1)
        # A trembling expression goes beyond its full strength, yet no wrinkle beyond black.
        self._shade = self._skin * np.minimum(dark, np.float32(0.6))

    @property
    def way(self) -> float:
        """How far a full expression moves the brow or the cheek at most, in half fissures."""
        return float(max(np.abs(self._pull.brow).max(), np.abs(self._pull.cheek).max()))

    def closed(self, strength: float, blink: float) -> float:
        """Share of its way that the upper lid has come down."""
        droop = min(self._pull.droop * strength, 0.9)
        return droop + (1.0 - droop) * blink

    def at(self, strength: float, closed: float, gaze_y: float) -> Skin:
        """The skin when the expression has ``strength`` (1 is full), the upper lid has come
        down by the share ``closed`` and the pupil looks down by ``gaze_y``.
        """
        lines = self._lines(strength, closed, gaze_y)
        apart = np.maximum(lines[1:] - lines[:-1], np.float32(0.01))
        stretch = (self._rest[1:] - self._rest[:-1]) / apart
        shift = self._rest[:-1] - stretch * lines[:-1] - np.float32(V_FROM)
        # In two steps, so that one array is made, not two.
        reflectance = self._shade * np.float32(-min(strength, 1.5))
        reflectance += self._skin
        return Skin(
            reflectance,
            lines,
            stretch * np.float32(SCALE),
            shift * np.float32(SCALE),
            np.float32(self._pull.inwards * strength),
        )

    def _lines(self, strength: float, closed: float, gaze_y: float) -> Map:
        lids, pull = self._lids, self._pull
        # The upper lid follows the gaze up and down.
        wide = max(pull.wide * strength - 0.5 * gaze_y, -0.5 * lids.upper)
        raised = min(pull.raised * strength, 0.9)
        lifted = pull.brow * strength
        lines = np.empty((7, len(COLUMNS)), np.float32)
        lines[3], lines[4] = upper, lower = lid_lines(
            lids, COLUMNS, wide, raised, closed, self._arches
        )
        brow = self._brow - lifted
        # The fold flattens as the lid comes down, and sinks under a lowered brow.
        fold = np.minimum(lids.fold * (1.0 - 0.4 * closed) + 0.02, 0.7 * (upper - brow))
        fold = upper - np.maximum(fold, 0.05)
        lines[0] = V_FROM - 0.5 * lifted
        lines[1] = np.minimum(brow, fold - 0.02)
        lines[2] = fold
        lines[5] = np.maximum(0.85 - pull.cheek * strength, lower + 0.1)
        lines[6] = V_TO
        return lines


def _fade(u: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    """1 up to ``start``, 0 from ``end``."""
    return np.clip((end - u) / (end - start), 0.0, 1.0)
