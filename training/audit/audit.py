"""One audit of one model: attack, measure what is left of the task, judge, report."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.audit import Suite, manifest_digest
from models.errors import ModelError
from models.repository import Model, Repository
from training.audit import report as told
from training.audit import summary
from training.audit.attack import Attack
from training.audit.attack_list import attacks
from training.audit.attacks import reconstruction
from training.audit.case import Case
from training.audit.controls import controls
from training.audit.deployed import Deployed
from training.audit.effort import EFFORT
from training.audit.excerpt import excerpt
from training.audit.findings import Accuracy, Finding, Skipped
from training.audit.gate import Judgement, judge
from training.audit.policy import Policy
from training.audit.reconstructor import load_reconstructor
from training.audit.report import Report
from training.audit.samples import samples
from training.audit.sessions import alone, guess
from training.audit.under_way import UnderWay, resumed
from training.audit.usefulness import check_task, retrained, shipped
from training.audit.work import Clock, Work, plan
from training.config import Config
from training.datasets.window_set import Dataset
from training.device import describe, threads
from training.evaluate import check_people, commonest
from training.provenance import commit
from training.run import content, counts
from training.seeds import numpy_generator
from training.stages.cover import Gaussian, Raw

#: A window that is dropped shows nobody. Above this share of them too many of those who are looked
#: for were never to be found, and the rest seems more private than it is.
_MOST_DROPPED = 0.01
#: Windows that a report shows.
_SHOWN = 4
_COVERS = ("model", "raw", "weak", "shuffled")


@dataclass(frozen=True)
class Settings:
    """What an audit is asked for."""

    suite: Suite
    policy: Policy
    config: Config
    #: Where what is done already is kept.
    work: Path
    #: Of the reconstruction network; None leaves that attack out.
    weights: Path | None
    #: Of the first attacker, the others count on; None draws one.
    seed: int | None
    #: In place of the suite's own.
    budget_s: float | None
    #: As the user gave it.
    command: str


#: Told of every step that is over: how many are, how many there are.
Progress = Callable[[int, int], None]


def audit(
    model: Model,
    dataset: Dataset,
    synthetic: bool,
    settings: Settings,
    progress: Progress = lambda done, of: None,
    repository: Repository | None = None,
) -> Report:
    """Attack ``model`` on ``dataset`` and say what came of it.

    A call that was stopped is gone on with by the next one with the same ``settings.work``.
    A model that fails its self-test leaks: it is not attacked any further. ``repository``:
    where classifiers for the model are. Raises :class:`TrainingError` and
    :class:`ModelError` for what cannot be audited at all.
    """
    suite, config = settings.suite, settings.config
    repository = repository or Repository()
    # Before hours of work, not after.
    check_people(dataset)
    check_task(model.manifest, dataset, repository)
    reconstructor = None if settings.weights is None else load_reconstructor(settings.weights)
    effort = EFFORT[suite]
    cover = Deployed.of(model, threads(config.compute))
    work = Work(dataset, cover, config, suite, effort, settings.work)
    begun = resumed(
        settings.work, suite, f"{work.key}-{manifest_digest(model.manifest)}", settings.seed
    )
    budget_s = effort.budget_s if settings.budget_s is None else settings.budget_s
    clock = Clock(budget_s, begun.spent_s)
    seeds = tuple(range(begun.seed, begun.seed + effort.seeds))

    def drawn(most: int, of: str) -> Dataset:
        return excerpt(dataset, most, max(effort.draws), numpy_generator(begun.seed, of))

    seen = drawn(effort.test_windows, "test windows")
    stays = drawn(effort.linked_windows, "linked windows").test
    work = replace(work, dataset=seen, stays=stays)
    guessing = guess(seen.test)

    def report(judgement: Judgement, **found: Any) -> Report:
        nothing = dict.fromkeys(("attacks", "controls", "skipped", "utility", "baselines"), ())
        return Report(
            model=_model(model),
            suite=suite,
            data=_data(dataset, seen, len(stays), synthetic),
            policy=settings.policy,
            verdict=judgement.verdict,
            reason=judgement.reason,
            worst=judgement.worst,
            chance=round(guessing, 2),
            seeds=seeds,
            started=begun.started,
            finished=datetime.now(UTC),
            duration_s=round(clock.used_s, 1),
            commit=commit(),
            device=describe(config.compute),
            command=settings.command,
            **nothing | found,
        )

    try:
        cover.anonymizer.self_test()
    except ModelError as error:
        return report(Judgement("leak", f"the service would refuse it: {error}", None))

    def now() -> UnderWay:
        return begun.after(clock.used_s, cover.asked, cover.dropped)

    listed = attacks(reconstructor, show_raw=synthetic)
    steps = plan(listed, suite, seeds)
    outcomes: list[Finding | Skipped] = []
    try:
        case = work.case("model", begun.seed)
        if clock.left_s > 0:
            # Most attacks begin with it. In none of their times, or controls would seem as long.
            case.raw_attacker()
        for _, outcome in work.done(steps, clock):
            outcomes.append(outcome)
            now().keep(settings.work)
            progress(len(outcomes), len(steps))
        consumers = tuple(_consumers(case, repository, suite, clock))
        baselines = tuple(_baselines(case, clock)) if suite != "quick" else ()
        shown = samples(seen, cover, config, _SHOWN, synthetic=synthetic)
    finally:
        # What is stopped half-way has taken its time all the same.
        whole = now()
        whole.keep(settings.work)
    findings = [one for one in outcomes if isinstance(one, Finding)]
    skipped = [] if reconstructor else list(_left_out(suite, begun.seed))
    skipped += [one for one in outcomes if isinstance(one, Skipped)]
    controlled = controls(listed, findings, settings.policy)
    judgement = judge(
        [found for found in findings if found.cover == "model"],
        [attack.name for attack in listed if attack.gated and suite in attack.suites],
        controlled,
        skipped,
        settings.policy,
    )
    if judgement.verdict == "pass" and whole.dropped > _MOST_DROPPED * whole.asked:
        judgement = _dropping(judgement, whole.dropped / whole.asked)
    return report(
        judgement,
        attacks=tuple(_attacks(listed, findings)),
        controls=controlled,
        skipped=tuple(skipped),
        utility=summary.utilities(consumers, commonest(seen.test) or 0.0),
        baselines=baselines,
        samples=shown,
    )


def _model(model: Model) -> told.Model:
    manifest = model.manifest
    return told.Model(
        name=manifest.name,
        version=manifest.version,
        profile=manifest.profile,
        sha256=manifest.sha256,
        manifest_sha256=manifest_digest(manifest),
        window_us=manifest.representation.window_us,
    )


def _data(dataset: Dataset, seen: Dataset, linked: int, synthetic: bool) -> told.Data:
    """What was ``seen`` of the data set, whose digest is that of all, whatever was drawn."""
    counted = counts(seen)
    more = (
        (f"Attacks on the model that put windows together looked at {linked} test windows.",)
        if linked > len(seen.test)
        else ()
    )
    return told.Data(
        name=dataset.name,
        digest=content(dataset),
        synthetic=synthetic,
        notes=(*seen.notes, *more),
        train=counted["train"],
        test=counted["test"],
    )


def _left_out(suite: Suite, seed: int) -> Iterator[Skipped]:
    """What the suite would do with published weights, which were not given."""
    if suite != "quick":
        reason = "no published weights were given (--weights)"
        yield Skipped(attack=reconstruction.NAME, cover="model", seed=seed, reason=reason)


def _dropping(judgement: Judgement, share: float) -> Judgement:
    reason = f"the model drops {100 * share:.1f} % of the windows, in which nobody can be found"
    return Judgement("undecided", reason, judgement.worst)


def _attacks(listed: Sequence[Attack], findings: Sequence[Finding]) -> Iterator[told.Attack]:
    for cover in _COVERS:
        for attack in listed:
            over = [one for one in findings if (one.attack, one.cover) == (attack.name, cover)]
            if over:
                yield summary.attack(attack, over)


def _consumers(
    case: Case, repository: Repository, suite: Suite, clock: Clock
) -> Iterator[Accuracy]:
    """What is left of the task, to the recognisers that come along and to one of our own."""
    found = list(shipped(case, repository))
    yield from found
    if found and suite == "quick":
        # No time for what a recogniser that comes along tells already.
        return
    # As much work as the attackers of raw and of covered windows had.
    expected_s = case.run.duration_s * (1 + case.effort.epochs / case.effort.raw_epochs)
    if case.dataset.labels and clock.left_s > expected_s:
        scores = retrained(case, case.cover, f"{case.name}/target", case.fit())
        yield Accuracy(consumer="retrained", task="labels", scores=scores)


def _baselines(case: Case, clock: Clock) -> Iterator[told.Baseline]:
    """Raw windows and Gaussian noise, attacked and used as the model is (AnonyNoise, Sec. 5.4)."""
    if not case.dataset.labels or clock.left_s <= 0:
        return
    start = case.raw_attacker()
    task = retrained(case, Raw(), "raw/target", case.raw_fit())
    found, _ = alone(case.sightings(start, cover=Raw()))
    yield summary.baseline("raw", 0.0, task, found)
    for std in case.config.gaussian:
        if clock.left_s <= 0:
            return
        cover = Gaussian(std)
        task = retrained(case, cover, f"{cover.name}/target", case.fit())
        folder = case.run.learned(f"{cover.name}/residual-warm", "reid", cover, start, case.fit())
        found, _ = alone(case.sightings(folder / "reid.pt", cover=cover))
        yield summary.baseline(cover.name, std, task, found)
