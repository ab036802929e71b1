"""An audit's steps: in order, each once, none begun when its time is over."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.anonymizer import Anonymizer, load_anonymizer
from models.gaussian import gaussian
from models.repository import save
from tests.training.tiny import SIDE, tiny_config, tiny_dataset
from training.audit.attack import Attack
from training.audit.attack_list import attacks
from training.audit.case import Case
from training.audit.configuration import configured
from training.audit.deployed import Deployed
from training.audit.effort import EFFORT
from training.audit.findings import Finding, Skipped
from training.audit.work import Clock, Work, plan
from training.errors import TrainingError
from training.evaluate import ReidScores


class Watch:
    """Time that passes when an attack says so."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


class Recorded:
    """An attack that notes what it was given, and takes ``seconds``."""

    def __init__(self, watch: Watch, seconds: float = 1.0, error: str = "") -> None:
        self.watch, self.seconds, self.error = watch, seconds, error
        self.cases: list[Case] = []

    def __call__(self, case: Case) -> Finding:
        self.cases.append(case)
        self.watch.s += self.seconds
        if self.error:
            raise TrainingError(self.error)
        scores = ReidScores(subject=(0, 1), hits_at=(1, 2), average_precision=(1.0, 0.5))
        return Finding(attack="one", cover=case.kind, seed=case.seed, identity=scores, chance=50.0)


def attack(run, name: str = "one", **more) -> Attack:
    fields = {
        "name": name,
        "goal": "identity",
        "run": run,
        "threat": "",
        "suites": ("quick", "nightly", "full"),
        "gated": True,
        "positive": "weak",
        "negative": True,
        "controlled": ("nightly", "full"),
    }
    return Attack(**(fields | more))


@pytest.fixture
def work(tmp_path: Path) -> Work:
    model = save(gaussian(4.0, name="gaussian"), tmp_path / "gaussian")
    config = configured(tiny_config(), model.manifest.representation)
    cover = Deployed(load_anonymizer(model.folder, device="cpu", threads=1))
    return Work(tiny_dataset(), cover, config, "quick", EFFORT["quick"], tmp_path / "work")


def steps(*attacks: Attack, seeds=(7,), suite="nightly"):
    return plan(attacks, suite, seeds)


def test_the_controls_put_fewer_windows_together_than_the_attack_on_the_model(work):
    longer = replace(work, stays=work.dataset.train)
    assert longer.case("model", 0).linked is work.dataset.train
    for cover in ("raw", "weak", "shuffled"):
        case = longer.case(cover, 0)
        assert case.linked is case.dataset.test


class TestPlan:
    def test_the_model_comes_first_then_what_shows_that_attacks_work_then_other_seeds(self):
        both = [attack(None), attack(None, "two", positive=None, negative=False)]
        order = [(step.attack.name, step.cover, step.seed) for step in steps(*both, seeds=(3, 4))]
        assert order == [
            ("one", "model", 3),
            ("two", "model", 3),
            ("one", "weak", 3),
            ("one", "shuffled", 3),
            ("one", "model", 4),
            ("two", "model", 4),
        ]

    def test_what_the_quick_suite_controls_is_controlled_at_once_and_the_rest_after_all(self):
        basic = attack(None, "basic", positive="raw", controlled=("quick", "nightly", "full"))
        both = [attack(None), basic, attack(None, "two", negative=False)]
        order = [(step.attack.name, step.cover) for step in steps(*both)]
        assert order == [
            ("one", "model"),
            ("basic", "model"),
            ("basic", "raw"),
            ("basic", "shuffled"),
            ("two", "model"),
            ("one", "weak"),
            ("one", "shuffled"),
            ("two", "weak"),
        ]

    def test_no_attack_of_the_quick_suite_that_could_find_people_goes_uncontrolled_for_long(self):
        listed = attacks(None, show_raw=True)
        quick = [(step.attack.name, step.cover) for step in plan(listed, "quick", (0,))]
        assert quick[0] == ("noise-stream", "model")
        assert quick[1:4] == [("static", cover) for cover in ("model", "raw", "shuffled")]
        for name in ("subspace", "confusions", "consecutive"):
            assert {cover for one, cover in quick if one == name} == {"model", "weak", "shuffled"}
        # The longer ones do all of it, and more.
        for suite in ("nightly", "full"):
            longer = {(step.attack.name, step.cover) for step in plan(listed, suite, (0,))}
            assert set(quick) < longer

    def test_a_suite_has_its_own_attacks_and_controls(self):
        short = attack(None, suites=("quick",), controlled=("quick",))
        long = attack(None, "long", suites=("full",))
        assert {step.attack.name for step in steps(short, long, suite="quick")} == {"one"}
        assert {step.cover for step in steps(short, suite="quick")} == {"model", "weak", "shuffled"}
        assert {step.cover for step in steps(attack(None), suite="quick")} == {"model"}


class TestDone:
    def test_what_was_found_is_kept_and_not_looked_for_again(self, work):
        watch = Watch()
        run = Recorded(watch)
        first = list(work.done(steps(attack(run)), Clock(100, now=watch)))
        again = list(work.done(steps(attack(run)), Clock(100, now=watch)))
        assert len(run.cases) == len(first) == 3
        assert [found for _, found in again] == [found for _, found in first]
        assert all(found.duration_s == 1 for _, found in first)

    def test_what_was_found_of_other_noise_or_with_another_file_is_looked_for_again(
        self, work, tmp_path
    ):
        watch = Watch()
        run = Recorded(watch)
        list(work.done(steps(attack(run)), Clock(100, now=watch)))
        # The same ONNX file: how loud its noise is stands in the manifest.
        model = save(gaussian(4.0, name="gaussian"), tmp_path / "again")
        noise = model.manifest.noise.model_copy(update={"scale": model.manifest.noise.scale / 2})
        quieter = replace(model, manifest=model.manifest.model_copy(update={"noise": noise}))
        cover = Deployed(Anonymizer(quieter, device="cpu", threads=1))
        assert cover.settings["model_sha256"] == work.cover.settings["model_sha256"]
        list(replace(work, cover=cover).done(steps(attack(run)), Clock(100, now=watch)))
        # All but what lies over no model.
        assert len(run.cases) == 3 + 2
        list(work.done(steps(attack(run, depends="a" * 64)), Clock(100, now=watch)))
        assert len(run.cases) == 3 + 2 + 3

    def test_each_cover_is_what_it_is_called(self, work):
        watch = Watch()
        run = Recorded(watch)
        list(
            work.done(steps(attack(run), attack(run, "two", positive="raw")), Clock(99, now=watch))
        )
        covers = {case.kind: case for case in run.cases}
        assert covers["model"].cover.name == "gaussian"
        assert (covers["raw"].cover.name, covers["weak"].cover.name) == ("raw", "gaussian-1")
        assert (covers["shuffled"].dataset.test.subject != work.dataset.test.subject).any()
        assert (covers["model"].dataset.test.subject == work.dataset.test.subject).all()
        assert len({case.run.folder / case.name for case in covers.values()}) == 4
        # What is known of shuffled people's raw windows is not mixed up with the others'.
        assert len({case.run.folder for case in covers.values()}) == 2
        assert covers["shuffled"].run.folder != covers["model"].run.folder

    def test_attackers_learn_as_the_suite_says_and_less_where_there_is_nothing_to_learn(self, work):
        of = {cover: work.case(cover, 0) for cover in ("model", "weak", "shuffled")}
        effort = EFFORT["quick"]
        for cover in ("model", "weak"):
            assert of[cover].config.batch.windows_per_epoch == effort.windows
            assert of[cover].fit().epochs == effort.epochs
        assert of["shuffled"].config.batch.windows_per_epoch < effort.windows
        assert of["shuffled"].fit().epochs < effort.epochs
        assert of["weak"].raw_fit().epochs == effort.raw_epochs
        assert of["shuffled"].raw_fit().epochs < effort.raw_epochs

    def test_nothing_is_begun_when_the_time_is_over_and_the_rest_is_told(self, work):
        watch = Watch()
        run = Recorded(watch, seconds=40)
        found = [one for _, one in work.done(steps(attack(run)), Clock(60, now=watch))]
        assert [type(one) for one in found] == [Finding, Skipped, Skipped]
        assert found[1].reason == "its time was over"
        # What a stopped audit had spent counts.
        assert Clock(60, spent_s=50, now=watch).left_s == 10

    def test_an_attack_is_expected_to_take_as_long_as_it_took_at_most(self, work):
        watch = Watch()
        run = Recorded(watch)

        def slow_at_first(case: Case) -> Finding:
            run.seconds = 1.0 if run.cases else 50.0
            return run(case)

        listed = steps(attack(slow_at_first), seeds=(1, 2))
        found = [one for _, one in work.done(listed, Clock(90, now=watch))]
        # Forty seconds are left after the first: not enough for another such.
        assert [type(one) for one in found] == [Finding, Skipped, Skipped, Skipped]
        watch.s = 0
        again = [one for _, one in work.done(listed, Clock(50.5, now=watch))]
        # It was quick once since, which says nothing of the next.
        assert [type(one) for one in again] == [Finding, Finding, Skipped, Skipped]

    def test_an_attack_that_cannot_be_carried_out_says_why_and_the_others_go_on(self, work):
        watch = Watch()
        bad = attack(Recorded(watch, error="has no lighting"), "bad")
        run = Recorded(watch)
        found = {
            (step.attack.name, step.cover): one
            for step, one in work.done(steps(bad, attack(run)), Clock(99, now=watch))
        }
        assert found["bad", "model"].reason == "has no lighting"
        assert isinstance(found["one", "model"], Finding)

    def test_findings_that_were_damaged_are_named(self, work):
        watch = Watch()
        run = Recorded(watch)
        list(work.done(steps(attack(run)), Clock(99, now=watch)))
        case = run.cases[0]
        (case.run.folder / case.name / "one.json").write_text("{}")
        with pytest.raises(TrainingError, match=r"one\.json"):
            list(work.done(steps(attack(run)), Clock(99, now=watch)))

    def test_other_data_and_other_settings_have_other_folders(self, work):
        other = replace(work, dataset=tiny_dataset(subjects=8))
        assert work.key == replace(work).key
        lower = tiny_dataset(attributes={"size": ("small",) * 6})
        others = [
            other,
            replace(work, suite="full"),
            replace(work, effort=EFFORT["full"]),
            replace(work, config=tiny_config("posttrain.learning_rate=0.5")),
            replace(work, dataset=lower),
        ]
        assert len({work.key, *(one.key for one in others)}) == 6


def test_the_deployed_model_is_asked_anew_for_every_call(work):
    windows = torch.zeros(2, 10, SIDE, SIDE)
    one, other = work.cover(windows), work.cover(windows)
    assert (one != other).float().mean() > 0.9
    assert 3 < one.std() < 5
    assert (work.cover.asked, work.cover.dropped) == (4, 0)
