"""The kinds of scenes that can be simulated, by name."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from training.simulator.scene import Scene


@dataclass(frozen=True)
class SceneKind:
    """What subjects do, under which light, and who makes the scene of one recording."""

    labels: tuple[str, ...]
    #: All there are; a data set has the first four unless others are asked for.
    lightings: tuple[str, ...]
    #: Of seed, subject, label, lighting and repetition.
    make: Callable[[int, int, str, str, int], Scene]


#: name -> module, and in it the names of labels, lightings and maker.
SCENES = MappingProxyType(
    {
        "gesture": ("gesture_scene", "GESTURES", "GESTURE_LIGHTINGS", "gesture_scene"),
        "eye": ("eye_scene", "EMOTIONS", "EYE_LIGHTINGS", "eye_scene"),
    }
)


def scene_kind(name: str) -> SceneKind:
    """The kind called ``name``, one of :data:`SCENES`, imported now."""
    module_name, *attributes = SCENES[name]
    module = importlib.import_module(f"training.simulator.{module_name}")
    return SceneKind(*(getattr(module, attribute) for attribute in attributes))
