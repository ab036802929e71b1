"""An upper body: what stays of a subject, and its parts in the picture for a given pose.

Metres in the body's frame: x to the picture's right (the subject's left), y down, z to the
camera; the origin lies between the shoulders.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.simulator.clothing import PARTS, wardrobe
from training.simulator.gestures import OTHERS, Style, Wrists

Point = tuple[float, float, float]
_TORSO, _UPPER_ARM, _FOREARM, _SKIN, _HEAD, _HAIR, _TROUSERS = range(len(PARTS))


@dataclass(frozen=True)
class Body:
    """A subject. Lengths and widths in metres."""

    textures: NDArray[np.float32]
    shoulders: float
    hips: float
    torso: float
    upper_arm: float
    forearm: float
    hand: float
    arm_width: float
    hand_width: float
    neck: float
    neck_width: float
    head: float
    crown_width: float
    jaw_width: float
    #: How far hair reaches below the crown and beside the head; 0 is none behind the head.
    hair_length: float
    hair_width: float
    #: How far the shoulders drop towards the arms.
    slope: float
    #: Radians that the head and the whole body lean to the side.
    head_tilt: float
    lean: float
    #: Direction of the elbows: outwards, down, back.
    elbows: Point
    #: Factor on every gesture's beat.
    tempo: float
    #: How much the body goes along with the arms, and moves by itself.
    liveliness: float
    sway_hz: float
    right_handed: bool
    other: int
    amplitude: float
    height: float
    forward: float
    aspect: float
    snap: float

    def style(self, generator: np.random.Generator) -> Style:
        """A gesture in this person's way, a little different each time."""
        return Style(
            amplitude=self.amplitude * generator.uniform(0.9, 1.1),
            height=self.height + generator.normal(0, 0.03),
            forward=self.forward + generator.normal(0, 0.02),
            aspect=self.aspect * generator.uniform(0.93, 1.07),
            snap=self.snap,
            shoulders=self.shoulders / (self.upper_arm + self.forearm),
            right_handed=self.right_handed,
            other=self.other,
        )


def draw_body(generator: np.random.Generator) -> Body:
    """A person whom nobody has met."""
    uniform = generator.uniform
    size = uniform(0.9, 1.1)
    build = uniform(0.85, 1.3)
    head = 0.215 * uniform(0.9, 1.12)
    crown = 0.076 * uniform(0.88, 1.14)
    return Body(
        textures=wardrobe(generator),
        shoulders=0.175 * size * uniform(0.88, 1.14),
        hips=0.145 * build * uniform(0.9, 1.1),
        torso=0.52 * size,
        upper_arm=0.285 * size * uniform(0.93, 1.07),
        forearm=0.255 * size * uniform(0.93, 1.07),
        hand=0.085 * uniform(0.85, 1.2),
        arm_width=0.04 * build * uniform(0.85, 1.15),
        hand_width=0.038 * uniform(0.85, 1.2),
        neck=uniform(0.03, 0.065),
        neck_width=0.04 * build * uniform(0.88, 1.12),
        head=head,
        crown_width=crown,
        jaw_width=crown * uniform(0.62, 0.9),
        hair_length=generator.choice((0.0, uniform(0.14, 0.4)), p=(0.55, 0.45)),
        hair_width=uniform(0.01, 0.04),
        slope=uniform(0.01, 0.06),
        head_tilt=generator.normal(0, 0.05),
        lean=generator.normal(0, 0.03),
        elbows=(uniform(0.2, 0.7), uniform(0.6, 1.0), -uniform(0.1, 0.5)),
        tempo=uniform(0.88, 1.15),
        liveliness=uniform(0.88, 1.14),
        sway_hz=uniform(0.5, 0.9),
        right_handed=bool(generator.random() < 0.85),
        other=int(generator.integers(len(OTHERS))),
        amplitude=uniform(0.82, 1.18),
        height=generator.normal(0, 0.05),
        forward=uniform(-0.06, 0.06),
        aspect=uniform(0.8, 1.2),
        snap=uniform(0, 0.4),
    )


@dataclass(frozen=True)
class Camera:
    """A pinhole before the body."""

    focal_px: float
    distance_m: float
    x_px: float
    y_px: float

    def see(self, point: Point) -> tuple[float, float, float]:
        """Column, row and pixels a metre at ``point``."""
        scale = self.focal_px / (self.distance_m - point[2])
        return self.x_px + scale * point[0], self.y_px + scale * point[1], scale


def elbow(shoulder: Point, wrist: Point, upper: float, fore: float, pole: Point) -> Point:
    """Where the elbow is, turned towards ``pole``; the arm is straight if it does not reach."""
    dx, dy, dz = (b - a for a, b in zip(shoulder, wrist, strict=True))
    distance = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
    dx, dy, dz = dx / distance, dy / distance, dz / distance
    reach = min(max(distance, abs(upper - fore) + 1e-3), upper + fore - 1e-3)
    along = (upper * upper - fore * fore + reach * reach) / (2 * reach)
    aside = math.sqrt(max(upper * upper - along * along, 0.0))
    dot = pole[0] * dx + pole[1] * dy + pole[2] * dz
    px, py, pz = pole[0] - dot * dx, pole[1] - dot * dy, pole[2] - dot * dz
    norm = aside / (math.sqrt(px * px + py * py + pz * pz) + 1e-9)
    return (
        shoulder[0] + along * dx + norm * px,
        shoulder[1] + along * dy + norm * py,
        shoulder[2] + along * dz + norm * pz,
    )


def _towards(start: Point, end: Point, length: float) -> Point:
    """The point ``length`` from ``start`` on the way to ``end``."""
    share = length / (math.dist(start, end) + 1e-9)
    return (
        start[0] + share * (end[0] - start[0]),
        start[1] + share * (end[1] - start[1]),
        start[2] + share * (end[2] - start[2]),
    )


@dataclass(frozen=True)
class Pose:
    """Where a body is: shifts in metres, turns in radians."""

    wrists: Wrists
    shift: tuple[float, float]
    lean: float
    nod: float
    turn: float


def parts(body: Body, pose: Pose, camera: Camera) -> NDArray[np.float32]:
    """The body's parts for :func:`training.simulator.raster.draw`, back to front."""
    cos, sin = math.cos(body.lean + pose.lean), math.sin(body.lean + pose.lean)
    shift_x, shift_y = pose.shift

    def at(x: float, y: float, z: float = 0.0) -> Point:
        # Leaning turns the body about its hips.
        below = y - body.torso
        return (cos * x - sin * below + shift_x, sin * x + cos * below + body.torso + shift_y, z)

    drawn: list[tuple[float, tuple[float, ...]]] = []

    def part(
        start: Point,
        end: Point,
        widths: tuple[float, float],
        texture: int,
        order: float,
        rim: float = 1.0,
    ) -> None:
        x0, y0, scale0 = camera.see(start)
        x1, y1, scale1 = camera.see(end)
        w0, w1 = widths[0] * scale0, widths[1] * scale1
        r0, r1 = w0 * rim, w1 * rim
        drawn.append((order, (x0, y0, x1, y1, w0 - r0, w1 - r1, r0, r1, texture)))

    top = -body.neck - body.head
    tilt = body.head_tilt + pose.turn
    chin = at(0.0, -body.neck - 0.02 * pose.nod, 0.05)
    crown = (
        chin[0] + math.sin(tilt) * body.head,
        chin[1] - math.cos(tilt) * body.head * (1 - 0.1 * abs(pose.nod)),
        0.03,
    )

    def of_head(share: float) -> Point:
        return (
            crown[0] + share * (chin[0] - crown[0]),
            crown[1] + share * (chin[1] - crown[1]),
            0.05,
        )

    crown_share = body.crown_width / body.head
    jaw_share = 1 - body.jaw_width / body.head
    if body.hair_length:
        wide = body.crown_width + body.hair_width
        bottom = max(body.hair_length - wide, 0.05) / body.head
        part(of_head(crown_share), of_head(bottom), (wide, wide * 0.9), _HAIR, -1)
    part(at(0, top * 0.3), at(0, 0.02), (body.neck_width, body.neck_width), _SKIN, -0.5)
    slope = body.slope
    hem = body.torso + 0.06
    part(at(0, hem), at(0, hem + 0.4), (body.hips, body.hips), _TROUSERS, -0.1, 0.2)
    part(at(0, 0.045 + slope), at(0, hem), (body.shoulders, body.hips), _TORSO, 0, 0.28)
    head_widths = (body.crown_width, body.jaw_width)
    part(of_head(crown_share), of_head(jaw_share), head_widths, _HEAD, 0.01, 0.85)

    arm = body.upper_arm + body.forearm
    for side, (out, down, forward) in zip((-1, 1), pose.wrists, strict=True):
        shoulder = at(side * (body.shoulders - 0.2 * body.arm_width), slope + body.arm_width, 0.0)
        wrist = (
            shoulder[0] + side * out * arm,
            shoulder[1] + down * arm,
            shoulder[2] + forward * arm,
        )
        pole = (side * body.elbows[0], body.elbows[1], body.elbows[2])
        bend = elbow(shoulder, wrist, body.upper_arm, body.forearm, pole)
        # A hand that does not reach its place stays where the arm ends.
        wrist = _towards(bend, wrist, body.forearm)
        tip = _towards(bend, wrist, body.forearm + body.hand)
        width = body.arm_width
        order = 0.02 + 0.5 * (bend[2] + wrist[2])
        part(shoulder, bend, (width * 1.1, width * 0.85), _UPPER_ARM, 0.02 + 0.5 * bend[2])
        part(bend, wrist, (width * 0.85, width * 0.62), _FOREARM, order)
        part(wrist, tip, (body.hand_width, body.hand_width * 0.8), _SKIN, order + 0.001)
    drawn.sort(key=lambda entry: entry[0])
    return np.array([row for _, row in drawn], np.float32)
