"""The eleven classes of DVS-Gesture as paths of two wrists.

Paths are in lengths of an arm (upper arm plus forearm) from each arm's own shoulder: out to
the side, down, and forward to the camera. What one arm does the other does in its mirror.
Of the circles the data set does not say whose clock they follow; here it is that of the
person, as if before a clock face: the right hand goes from the top outwards when clockwise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

#: Out, down, forward.
Place = tuple[float, float, float]
#: Of the right wrist, of the left wrist.
Wrists = tuple[Place, Place]


@dataclass(frozen=True)
class Style:
    """How one person makes one gesture, this time."""

    #: Factor on the size of the motion.
    amplitude: float
    #: Hands higher by this much.
    height: float
    #: Hands further forward by this much.
    forward: float
    #: Height of an ellipse over its width.
    aspect: float
    #: Share of the second harmonic: 0 smooth, 0.4 abrupt.
    snap: float
    #: Half the width of the shoulders, in lengths of an arm.
    shoulders: float
    right_handed: bool
    #: Which of :data:`OTHERS` this person makes when free to choose.
    other: int


def _rest(phase: float, out: float = 0.1) -> Place:
    return out + 0.015 * math.sin(0.5 * phase), 0.95, 0.08


def _swing(phase: float, style: Style) -> float:
    """-1..1, with the person's own sharpness."""
    return math.sin(phase + style.snap * math.sin(phase))


def _clap(phase: float, style: Style) -> Wrists:
    apart = 0.5 - 0.5 * _swing(phase, style)
    out = -style.shoulders + 0.06 + 0.45 * style.amplitude * apart
    place = (out, 0.38 - style.height, 0.55 + style.forward)
    return place, place


def _wave(phase: float, style: Style) -> Place:
    swing = _swing(phase, style) * style.amplitude
    return 0.2 + 0.34 * swing, 0.02 + 0.12 * swing * swing - style.height, 0.42 + style.forward


def _circle(phase: float, style: Style) -> Place:
    size = 0.38 * style.amplitude
    return (
        0.14 + size * math.sin(phase),
        0.12 - size * style.aspect * math.cos(phase) - style.height,
        0.55 + style.forward,
    )


def _roll(phase: float, style: Style) -> Wrists:
    def wrist(at: float) -> Place:
        size = 0.2 * style.amplitude
        out = -style.shoulders - 0.02
        down = 0.4 - style.height + size * style.aspect * math.sin(at)
        return out, down, 0.5 + style.forward + size * math.cos(at)

    return wrist(phase), wrist(phase + math.pi)


def _drums(phase: float, style: Style) -> Wrists:
    def wrist(at: float) -> Place:
        down = 0.42 - style.height + 0.26 * style.amplitude * _swing(at, style)
        return 0.02, down, 0.55 + style.forward

    return wrist(phase), wrist(phase + math.pi)


def _guitar(phase: float, style: Style) -> Wrists:
    strum = _swing(phase, style) * style.amplitude
    picks = (-0.75 * style.shoulders - 0.05 * strum, 0.55 - style.height + 0.2 * strum, 0.4)
    frets = (0.5 + 0.07 * math.sin(phase / 2), 0.2 - style.height, 0.45 + style.forward)
    return (picks, frets) if style.right_handed else (frets, picks)


def _flap(phase: float, style: Style) -> Wrists:
    place = (0.68, 0.1 + 0.5 * style.amplitude * _swing(phase, style), 0.2)
    return place, place


def _punch(phase: float, style: Style) -> Wrists:
    def wrist(at: float) -> Place:
        reach = 0.5 + 0.5 * _swing(at, style) * style.amplitude
        return 0.05 - 0.15 * reach, 0.3 - 0.25 * reach - style.height, 0.25 + 0.55 * reach

    return wrist(phase), wrist(phase + math.pi)


def _cheer(phase: float, style: Style) -> Wrists:
    place = (0.25 + 0.35 * style.amplitude * _swing(phase, style), -0.7, 0.25)
    return place, place


def _salute(phase: float, style: Style) -> Wrists:
    raised = 0.5 + 0.5 * _swing(phase, style) * style.amplitude
    hand = (-0.25 + 0.3 * raised, 0.5 - 0.8 * raised - style.height, 0.45)
    return (hand, _rest(phase)) if style.right_handed else (_rest(phase), hand)


#: What people make up when asked for any other gesture.
OTHERS = (_flap, _punch, _cheer, _salute)


@dataclass(frozen=True)
class Gesture:
    """Repeats ``beat_hz`` times a second at an average person's tempo."""

    beat_hz: float
    wrists: Callable[[float, Style], Wrists]


#: Names as in the data set's mapping of classes, in its order.
GESTURES = MappingProxyType(
    {
        "hand_clapping": Gesture(2.1, _clap),
        "right_hand_wave": Gesture(2.2, lambda phase, style: (_wave(phase, style), _rest(phase))),
        "left_hand_wave": Gesture(2.2, lambda phase, style: (_rest(phase), _wave(phase, style))),
        "right_arm_clockwise": Gesture(
            1.7, lambda phase, style: (_circle(phase, style), _rest(phase))
        ),
        "right_arm_counter_clockwise": Gesture(
            1.7, lambda phase, style: (_circle(-phase, style), _rest(phase))
        ),
        "left_arm_clockwise": Gesture(
            1.7, lambda phase, style: (_rest(phase), _circle(-phase, style))
        ),
        "left_arm_counter_clockwise": Gesture(
            1.7, lambda phase, style: (_rest(phase), _circle(phase, style))
        ),
        "arm_roll": Gesture(1.9, _roll),
        "air_drums": Gesture(2.0, _drums),
        "air_guitar": Gesture(2.0, _guitar),
        "other_gestures": Gesture(
            1.6, lambda phase, style: OTHERS[style.other % len(OTHERS)](phase, style)
        ),
    }
)
