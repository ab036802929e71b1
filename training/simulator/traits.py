"""What could be said of a simulated person besides who it is: the labels of attribute attacks."""

from collections.abc import Callable
from types import MappingProxyType

from training.simulator.eye_subject import eye_subject
from training.simulator.gesture_scene import gesture_body

#: Values of a property from small to large, and the bounds between them.
_SIZES = (("small", "medium", "large"), (0.97, 1.03))
_BUILDS = (("slim", "medium", "broad"), (1.0, 1.15))
_SKINS = (("dark", "medium", "light"), (0.23, 0.38))
_IRISES = (("dark", "light"), (0.14,))
_Scale = tuple[tuple[str, ...], tuple[float, ...]]


def _on(scale: _Scale, value: float) -> str:
    values, bounds = scale
    return values[sum(value >= bound for bound in bounds)]


def _gesture(seed: int, subject: int) -> dict[str, str]:
    body = gesture_body(seed, subject)
    # Trunk, arms and neck in units of a body of middling build.
    widths = (body.hips / 0.145, body.arm_width / 0.04, body.neck_width / 0.04)
    return {
        "handedness": "right" if body.right_handed else "left",
        "size": _on(_SIZES, body.torso / 0.52),
        "hair": "long" if body.hair_length else "short",
        "build": _on(_BUILDS, sum(widths) / len(widths)),
    }


def _eye(seed: int, subject: int) -> dict[str, str]:
    surface = eye_subject(seed, subject).surface
    return {"skin": _on(_SKINS, surface.skin), "iris": _on(_IRISES, surface.iris)}


_OF: MappingProxyType[str, Callable[[int, int], dict[str, str]]] = MappingProxyType(
    {"gesture": _gesture, "eye": _eye}
)


def traits(scene: str, seed: int, subject: int) -> dict[str, str]:
    """Name and value of every property of the person ``subject`` of the population ``seed``."""
    return _OF[scene](seed, subject)
