"""Emotions as motions of the skin around one eye.

An emotion is a mixture of action units of the Facial Action Coding System (Ekman, Friesen,
"Facial Action Coding System", 1978), of those that one eye's picture shows, and a way in time:
onset, hold, offset, pause, again and again.

```
activation
    1 |     .-------.
      |    /  hold   `.
      |   /            `-.
    0 |--'onset     offset`-----'   -> time
      <--------- period --------->
```
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ActionUnits:
    """How far each unit is pulled, 0 (at rest) to about 1."""

    inner_brow_raiser: float = 0.0  # AU 1
    outer_brow_raiser: float = 0.0  # AU 2
    brow_lowerer: float = 0.0  # AU 4: down and towards the nose
    upper_lid_raiser: float = 0.0  # AU 5
    cheek_raiser: float = 0.0  # AU 6: crow's feet
    lid_tightener: float = 0.0  # AU 7: lower lid up
    nose_wrinkler: float = 0.0  # AU 9
    lid_droop: float = 0.0  # AU 43, incomplete

    @classmethod
    def from_array(cls, values: NDArray[np.float64]) -> "ActionUnits":
        """The inverse of :meth:`array`."""
        return cls(*(float(value) for value in values))

    def array(self) -> NDArray[np.float64]:
        """float64 ``[8]``, in the order of the fields."""
        return np.array(list(vars(self).values()))


@dataclass(frozen=True)
class Expression:
    """One emotion, as a person of average tempo shows it."""

    units: ActionUnits
    onset_s: float
    hold_s: float
    offset_s: float
    pause_s: float
    #: Trembling while held, as a share of the activation.
    tremor: float
    #: Where the gaze goes meanwhile, in half fissures: to the nose, down.
    gaze: tuple[float, float] = (0.0, 0.0)
    #: How much oftener than at rest the gaze jumps.
    restlessness: float = 1.0
    #: How much oftener than at rest the eye blinks.
    blinking: float = 1.0

    @property
    def period_s(self) -> float:
        """From one onset to the next."""
        return self.onset_s + self.hold_s + self.offset_s + self.pause_s

    def activation(self, time_s: float) -> float:
        """0 to 1, ``time_s`` after an onset; repeats every :attr:`period_s`."""
        time_s %= self.period_s
        if time_s < self.onset_s:
            return smooth_step(time_s / self.onset_s)
        return 1.0 - smooth_step((time_s - self.onset_s - self.hold_s) / self.offset_s)


def smooth_step(share: float) -> float:
    """0 below 0, 1 above 1, between them a step that starts and ends at rest."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)


#: The seven emotions of SEE (Zhang et al., "In the Blink of an Eye: Event-based Emotion
#: Recognition", SIGGRAPH 2023). The units are those that Ekman and Friesen give for each
#: ("Unmasking the Face", 1975).
EXPRESSIONS: dict[str, Expression] = {
    "anger": Expression(
        ActionUnits(brow_lowerer=1.0, upper_lid_raiser=0.4, lid_tightener=0.7),
        onset_s=0.18,
        hold_s=0.12,
        offset_s=0.22,
        pause_s=0.08,
        tremor=0.04,
        blinking=0.4,
    ),
    "disgust": Expression(
        ActionUnits(brow_lowerer=0.3, cheek_raiser=0.3, lid_tightener=0.6, nose_wrinkler=1.0),
        onset_s=0.22,
        hold_s=0.12,
        offset_s=0.26,
        pause_s=0.08,
        tremor=0.03,
        gaze=(-0.25, 0.08),
    ),
    "fear": Expression(
        ActionUnits(
            inner_brow_raiser=0.9,
            outer_brow_raiser=0.2,
            brow_lowerer=0.5,
            upper_lid_raiser=1.0,
            lid_tightener=0.6,
        ),
        onset_s=0.14,
        hold_s=0.2,
        offset_s=0.18,
        pause_s=0.08,
        tremor=0.28,
        restlessness=2.0,
        blinking=0.6,
    ),
    "happiness": Expression(
        ActionUnits(cheek_raiser=1.0, lid_tightener=0.35),
        onset_s=0.22,
        hold_s=0.12,
        offset_s=0.28,
        pause_s=0.08,
        tremor=0.03,
    ),
    "neutrality": Expression(
        ActionUnits(),
        onset_s=0.2,
        hold_s=0.15,
        offset_s=0.2,
        pause_s=0.1,
        tremor=0.0,
        restlessness=1.6,
        blinking=2.0,
    ),
    "sadness": Expression(
        ActionUnits(inner_brow_raiser=1.15, brow_lowerer=0.25, lid_droop=0.75),
        onset_s=0.26,
        hold_s=0.1,
        offset_s=0.28,
        pause_s=0.08,
        tremor=0.03,
        gaze=(0.0, 0.15),
        restlessness=0.6,
    ),
    "surprise": Expression(
        ActionUnits(inner_brow_raiser=1.0, outer_brow_raiser=1.15, upper_lid_raiser=0.75),
        onset_s=0.1,
        hold_s=0.16,
        offset_s=0.28,
        pause_s=0.12,
        tremor=0.02,
        restlessness=0.5,
        blinking=0.4,
    ),
}

#: Their names, in alphabetical order: a class's index is its place here.
EMOTIONS: tuple[str, ...] = tuple(EXPRESSIONS)
