"""Models of which it is known whether they leak: to put the audit itself to the test."""

import hashlib
from collections.abc import Callable
from types import MappingProxyType

from models.elementwise import elementwise
from models.gaussian import gaussian
from models.manifest import SelfTest
from models.repository import Model

_NODES = (
    ("Mul", ("events", "times"), "scaled"),
    ("Mul", ("noise", "zero"), "silenced"),
    ("Add", ("scaled", "silenced"), "sum"),
    ("Add", ("sum", "offset"), "anonymized"),
)


def noisy() -> Model:
    """Leaks: the paper's baseline with noise of 4 counts, below which people stay recognisable.

    For windows of the small configuration and any sensor, as all of these models.
    """
    return gaussian(4.0, window_us=500_000)


def pass_through() -> Model:
    """Leaks everything: the raw window."""
    return _affine("pass-through", times=1.0, offset=0.0)


def mirrored() -> Model:
    """Leaks everything: the raw window with its sign turned and moved, which no self-test sees."""
    return _affine("mirrored", times=-1.0, offset=3.5)


def constant() -> Model:
    """Leaks nothing: the same number whatever comes in."""
    return _affine("constant", times=0.0, offset=3.5)


#: Name: its maker, whether it leaks.
KNOWN: MappingProxyType[str, tuple[Callable[[], Model], bool]] = MappingProxyType(
    {
        "gaussian-4": (noisy, True),
        "mirrored": (mirrored, True),
        "pass-through": (pass_through, True),
        "constant": (constant, False),
    }
)


def _affine(name: str, *, times: float, offset: float) -> Model:
    """``y = times * events + offset``, and noise that is drawn and not used."""
    manifest = noisy().manifest
    values = {"times": times, "offset": offset, "zero": 0.0}
    data = elementwise(name, _NODES, values, manifest.channels)
    said = {
        "name": name,
        "profile": "known",
        "description": "For the trial of the audit. Hides nobody: never to be served.",
        "sha256": hashlib.sha256(data).hexdigest(),
        "self_test": SelfTest(min_rms_change=0.01, max_unchanged=0.9),
    }
    return Model(manifest.model_copy(update=said), data)
