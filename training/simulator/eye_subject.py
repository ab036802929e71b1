"""What stays the same whenever one person's eye is seen.

Lengths are in half fissures: half the distance between the corners of the eye. ``u`` points to
the nose, which is to the right of the picture (a right eye, seen from the front), ``v`` down;
the origin is midway between the corners.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulator.emotions import ActionUnits

#: Keeps the streams of subjects and of scenes apart, whatever the seed.
_SUBJECT_STREAM = 0x65796501


@dataclass(frozen=True)
class Lids:
    """The opening at rest and the fold above it."""

    upper: float
    lower: float
    #: Where the upper lid stands highest, towards the nose, -0.35 to 0.35.
    skew: float
    #: 1.6 (almond) to 3 (round).
    roundness: float
    #: How much higher the outer corner lies, per half fissure.
    tilt: float
    #: Height of the lid's fold over its margin, and how dark it is; 0 is a lid without fold.
    fold: float
    fold_depth: float
    bag_depth: float
    lash_length: float
    lash_depth: float


@dataclass(frozen=True)
class Brow:
    """The eyebrow at rest."""

    height: float
    inner: float
    outer: float
    thickness: float
    #: Share of the thickness left at the outer end.
    taper: float
    arch: float
    #: Where its arch is highest.
    peak: float
    slope: float
    #: Hairs a half fissure, and their lean.
    hairs: float
    lean: float
    reflectance: float
    density: float

    def line(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """``v`` of its middle over ``u``."""
        return -self.height - self.arch * (1.0 - ((u - self.peak) / 1.3) ** 2) - self.slope * u


@dataclass(frozen=True)
class Surface:
    """Reflectances of skin and eyeball."""

    skin: float
    nose_shade: float
    socket_shade: float
    freckles: int
    freckle_depth: float
    moles: int
    mottle: float
    pores: float
    wrinkles: float
    #: Share of the wrinkles that stays when the face rests.
    age: float
    #: Make-up: how dark the line along the upper lid is, and the lid up to its fold; 0 is none.
    liner: float
    shadow: float
    iris: float
    iris_radius: float
    iris_contrast: float
    iris_ring: float
    pupil: float
    sclera: float
    veins: float


@dataclass(frozen=True)
class Manner:
    """How this person moves."""

    tempo: float
    saccade_rate_hz: float
    gaze_reach: float
    drift: float
    blink_rate_hz: float
    blink_s: float
    blink_depth: float
    #: Personal strength of each action unit.
    strength: ActionUnits


@dataclass(frozen=True)
class EyeSubject:
    """One person's eye; ``texture_seed`` fixes where freckles, hairs and veins lie."""

    lids: Lids
    brow: Brow
    surface: Surface
    manner: Manner
    texture_seed: int


def eye_subject(seed: int, subject: int) -> EyeSubject:
    """The person number ``subject`` of the population ``seed``; both 0 or more."""
    generator = np.random.default_rng([seed, _SUBJECT_STREAM, subject])
    uniform = generator.uniform
    skin = float(np.exp(uniform(np.log(0.14), np.log(0.62))))
    return EyeSubject(
        lids=Lids(
            upper=uniform(0.3, 0.58),
            lower=uniform(0.14, 0.34),
            skew=uniform(-0.32, 0.32),
            roundness=uniform(1.6, 3.0),
            tilt=uniform(-0.08, 0.17),
            fold=uniform(0.08, 0.3),
            fold_depth=max(0.0, uniform(-0.25, 0.75)),
            bag_depth=max(0.0, uniform(-0.2, 0.6)),
            lash_length=uniform(0.06, 0.34),
            lash_depth=uniform(0.35, 0.95),
        ),
        brow=Brow(
            height=uniform(0.7, 1.15),
            inner=uniform(0.75, 1.45),
            outer=uniform(-1.65, -0.85),
            thickness=uniform(0.1, 0.42),
            taper=uniform(0.15, 1.0),
            arch=uniform(0.0, 0.38),
            peak=uniform(-0.7, 0.1),
            slope=uniform(-0.2, 0.2),
            hairs=uniform(7.0, 13.0),
            lean=uniform(-0.9, 0.9),
            reflectance=skin * uniform(0.08, 0.45),
            density=uniform(0.6, 1.0),
        ),
        surface=Surface(
            skin=skin,
            nose_shade=uniform(-0.35, 0.35),
            socket_shade=uniform(0.0, 0.4),
            freckles=int(generator.choice([0, 0, 12, 30, 60])),
            freckle_depth=uniform(0.4, 0.7),
            moles=int(generator.integers(0, 7)),
            mottle=float(np.exp(uniform(np.log(0.06), np.log(0.22)))),
            pores=uniform(0.03, 0.12),
            wrinkles=uniform(0.45, 1.0),
            age=max(0.0, uniform(-0.3, 0.6)),
            liner=max(0.0, uniform(-0.9, 0.9)),
            shadow=max(0.0, uniform(-0.9, 0.7)),
            iris=float(np.exp(uniform(np.log(0.05), np.log(0.4)))),
            iris_radius=uniform(0.32, 0.45),
            iris_contrast=uniform(0.15, 0.6),
            iris_ring=uniform(0.0, 0.6),
            pupil=uniform(0.3, 0.5),
            sclera=skin + (0.8 - skin) * uniform(0.45, 1.0),
            veins=uniform(0.0, 0.35),
        ),
        manner=Manner(
            tempo=uniform(0.85, 1.2),
            saccade_rate_hz=uniform(1.4, 3.2),
            gaze_reach=uniform(0.6, 1.2),
            drift=uniform(0.6, 1.5),
            blink_rate_hz=uniform(0.2, 0.5),
            blink_s=uniform(0.2, 0.36),
            blink_depth=uniform(0.85, 1.0),
            strength=ActionUnits.from_array(uniform(0.88, 1.2, 8)),
        ),
        texture_seed=int(generator.integers(1 << 62)),
    )
