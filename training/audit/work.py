"""The work of an audit: its steps in order, each kept when it is done, within its time.

::

    WORK/state.json                     the seed of the audit that is under way
    WORK/KEY/seed-0/raw/...             networks that know raw windows
    WORK/KEY/seed-0/model-NAME-HASH/    networks and findings over the model, by its manifest's hash
    WORK/KEY/seed-0/weak-gaussian-1/    and over the covers that show what the attacks can do

KEY stands for the data, the suite and the settings: what is there was made with the same.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from models.audit import Suite
from models.manifest import first_problem
from training.audit.attack import Attack
from training.audit.case import Case, shuffled
from training.audit.deployed import Deployed
from training.audit.effort import Effort
from training.audit.findings import Cover as CoverName
from training.audit.findings import Finding, Skipped
from training.audit.undecided import unexpected
from training.config import Config
from training.datasets.window_set import Dataset, WindowSet
from training.errors import TrainingError
from training.files import write_json
from training.run import content
from training.seeds import numpy_generator
from training.stages.cover import Cover, Gaussian, Raw

#: Standard deviation, in counts, of noise that hides next to nothing.
WEAK_STD = 1.0
#: Of what attacks are. One more whenever one of them finds something else on the same data: what an
#: earlier one found is not taken for what this one would find.
_EDITION = 6
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """One attack over one cover with one seed."""

    attack: Attack
    cover: CoverName
    seed: int


@dataclass
class Clock:
    """Seconds of work, with those of earlier calls, against a budget."""

    budget_s: float
    spent_s: float = 0.0
    now: Callable[[], float] = time.monotonic
    _start: float = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.now()

    @property
    def used_s(self) -> float:
        """Seconds until now."""
        return self.spent_s + self.now() - self._start

    @property
    def left_s(self) -> float:
        """Seconds until the budget is used up."""
        return self.budget_s - self.used_s


def plan(attacks: Sequence[Attack], suite: Suite, seeds: Sequence[int]) -> tuple[Step, ...]:
    """The steps in their order, so that what is over when its time is has done what says most.

    Every attack comes once over the model, those that even the quick suite controls with their
    controls: that they find people where there are some, and nobody where there is nobody,
    decides what all the rest is worth. The other controls come after the last attack: a leak
    stands without them, and no audit passes without them. Further seeds are the last.
    """
    listed = [attack for attack in attacks if suite in attack.suites]
    first, *others = seeds
    steps: list[Step] = []
    later: list[Step] = []
    for attack in listed:
        steps.append(Step(attack, "model", first))
        controls = steps if "quick" in attack.controlled else later
        if suite in attack.controlled:
            controls += [Step(attack, cover, first) for cover in attack.controls]
    steps += later
    steps += [Step(attack, "model", seed) for seed in others for attack in listed]
    return tuple(steps)


@dataclass(frozen=True)
class Work:
    """What the steps of one audit share."""

    dataset: Dataset
    cover: Deployed
    config: Config
    suite: Suite
    effort: Effort
    folder: Path
    #: As in :class:`Case`, of the model.
    stays: WindowSet | None = None

    @property
    def key(self) -> str:
        """What all of it depends on but the model and the seed."""
        said = {
            "edition": _EDITION,
            "data": content(self.dataset),
            "attributes": {name: list(of) for name, of in self.dataset.attributes.items()},
            "suite": self.suite,
            "effort": self.effort.model_dump(mode="json"),
            "config": self.config.model_dump(mode="json"),
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]

    def case(self, cover: CoverName, seed: int) -> Case:
        """What an attack over ``cover`` is given."""
        covers: dict[CoverName, Cover] = {
            "model": self.cover,
            "raw": Raw(),
            "weak": Gaussian(WEAK_STD),
            "shuffled": self.cover,
        }
        effort = self._effort(cover)
        batch = self.config.batch.model_copy(update={"windows_per_epoch": effort.windows})
        case = Case(
            dataset=self.dataset,
            cover=covers[cover],
            kind=cover,
            config=self.config.model_copy(update={"batch": batch}),
            effort=effort,
            folder=self.folder / self.key,
            seed=seed,
            # The controls show whether an attack works, for which fewer do.
            stays=self.stays if cover == "model" else None,
        )
        if cover != "shuffled":
            return case
        people = shuffled(self.dataset, numpy_generator(seed, "shuffled"))
        return replace(case, dataset=people, folder=case.folder / "shuffled")

    def _effort(self, cover: CoverName) -> Effort:
        """Nothing can be learned of shuffled people, so little time is spent on trying."""
        whole = self.effort
        if cover != "shuffled":
            return whole
        less = {
            "raw_epochs": min(4, whole.raw_epochs),
            "epochs": -(-whole.epochs // 2),
            "windows": -(-whole.windows // 2),
        }
        return whole.model_copy(update=less)

    def done(self, steps: Sequence[Step], clock: Clock) -> Iterator[tuple[Step, Finding | Skipped]]:
        """Carry the ``steps`` out, those that were not yet, while there is time for them."""
        cases: dict[tuple[CoverName, int], Case] = {}
        longest: dict[str, float] = {}
        for step in steps:
            place = (step.cover, step.seed)
            if place not in cases:
                cases[place] = self.case(*place)
            outcome = self._outcome(step, cases[place], clock, longest.get(step.attack.name, 0.0))
            if isinstance(outcome, Finding):
                seen = longest.get(step.attack.name, 0.0)
                longest[step.attack.name] = max(seen, outcome.duration_s)
            yield step, outcome

    def _outcome(
        self, step: Step, case: Case, clock: Clock, expected_s: float
    ) -> Finding | Skipped:
        path = case.run.folder / case.name / step.attack.file
        kept = _read(path)
        if kept is not None:
            return kept
        name = step.attack.name

        def skipped(reason: str) -> Skipped:
            _log.info("%s over %s, seed %d: %s", name, step.cover, step.seed, reason)
            return Skipped(attack=name, cover=step.cover, seed=step.seed, reason=reason)

        if clock.left_s <= expected_s:
            return skipped("its time was over")
        began = clock.used_s
        try:
            finding = step.attack.run(case)
        except TrainingError as error:
            return skipped(str(error))
        except Exception as error:
            # What the others found, in hours, is not lost for one of them.
            return skipped(unexpected(error))
        if step.attack.goal == "identity" and finding.identity is None and not finding.curve:
            return skipped("it says nothing of who is who")
        finding = finding.model_copy(update={"duration_s": round(clock.used_s - began, 1)})
        write_json(path, finding.model_dump(mode="json"))
        _log.info("%s over %s, seed %d: %.0f s", name, step.cover, step.seed, finding.duration_s)
        return finding


def _read(path: Path) -> Finding | None:
    if not path.exists():
        return None
    try:
        return Finding.model_validate_json(path.read_bytes())
    except OSError as error:
        raise TrainingError(error.strerror or "cannot be read", source=str(path)) from None
    except ValidationError as error:
        first = first_problem(error)
        raise TrainingError(first.problem, source=str(path), field=first.field) from None
