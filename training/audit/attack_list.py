"""Every attack there is: what it goes for, in which suites it runs, and what shows that it works.

The order is the order of work: what says most for its time comes first, so that an audit whose
time is over has done what matters.
"""

import inspect
from collections.abc import Callable
from types import ModuleType

from models.audit import Suite
from training.audit.attack import Attack, Positive
from training.audit.attacks import (
    attributes,
    averaging,
    confusions,
    consecutive,
    enrolled,
    inversion,
    metadata,
    noise_stream,
    reconstruction,
    retrain,
    rounding,
    static,
    subspace,
    temporal,
    white_box,
)
from training.audit.case import Case
from training.audit.findings import Finding, Goal
from training.audit.reconstructor import Reconstructor

_LONG: tuple[Suite, ...] = ("nightly", "full")
_ALL: tuple[Suite, ...] = ("quick", *_LONG)


def _threat(module: ModuleType) -> str:
    """The second paragraph of a module's docstring: who the adversary is."""
    paragraphs = (inspect.getdoc(module) or "").split("\n\n")
    return " ".join(paragraphs[min(1, len(paragraphs) - 1)].split())


def attacks(reconstructor: Reconstructor | None, *, show_raw: bool) -> tuple[Attack, ...]:
    """All attacks.

    Without a ``reconstructor`` the attack that draws with it is not there; it shows pictures of raw
    windows if ``show_raw``.
    """

    def of(
        module: ModuleType,
        goal: Goal,
        run: Callable[[Case], Finding],
        *,
        name: str | None = None,
        suites: tuple[Suite, ...] = _LONG,
        gated: bool = True,
        positive: Positive | None = "weak",
        negative: bool = True,
        controlled: tuple[Suite, ...] = _LONG,
        depends: str = "",
    ) -> Attack:
        return Attack(
            name=name or module.NAME,
            goal=goal,
            run=run,
            threat=_threat(module),
            suites=suites,
            gated=gated,
            positive=positive,
            negative=negative,
            controlled=controlled,
            depends=depends,
        )

    def retrained(architecture: str, *, warm: bool, **more: object) -> Attack:
        run = retrain.attacker_of(architecture, warm=warm)
        return of(retrain, "identity", run, name=run.__name__, **more)  # type: ignore[arg-type]

    listed = [
        # Learns nothing, and finds the worst.
        of(noise_stream, "noise", noise_stream.attack, suites=_ALL, positive=None, negative=False),
        of(static, "identity", static.attack, suites=_ALL, positive="raw", controlled=_ALL),
        of(subspace, "identity", subspace.attack, suites=_ALL, controlled=_ALL),
        of(confusions, "identity", confusions.attack, suites=_ALL, controlled=_ALL),
        # Of single windows it finds what the one does whose attacker it has.
        of(consecutive, "identity", consecutive.attack, suites=_ALL, controlled=_ALL),
        retrained("residual", warm=True),
        of(rounding, "identity", rounding.attack),
        retrained("mixer", warm=False),
        retrained("residual", warm=False),
        of(temporal, "identity", temporal.attack),
        of(enrolled, "identity", enrolled.attack),
        of(white_box, "identity", white_box.attack),
        of(inversion, "identity", inversion.attack),
        # Of the service, and the same for every model.
        of(metadata, "identity", metadata.attack, gated=False, positive="raw"),
        # No window is ever covered twice: what it would cost if one were.
        of(averaging, "identity", averaging.attack, gated=False, controlled=("full",)),
        of(
            attributes,
            "attribute",
            attributes.attack,
            gated=False,
            positive="raw",
            controlled=("full",),
        ),
    ]
    if reconstructor is not None:
        listed.append(
            of(
                reconstruction,
                "picture",
                lambda case: reconstruction.attack(case, reconstructor, show_raw=show_raw),
                name=reconstruction.name_with(reconstructor),
                # A picture of a window under any noise is too poor to tell people apart by.
                positive="raw",
                depends=reconstructor.weights_sha256,
            )
        )
    return tuple(listed)
