"""The whole job on made-up people: who leaks is caught, who tells nothing is not, and a kill."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import torch

from models.anonymizer import Anonymizer
from models.repository import Model
from models.verdict import Rejected
from tests.models.onnx_models import constant, node, onnx_bytes, trusted
from tests.training.audit.people import people
from tests.training.tiny import tiny_config
from training.audit import audit as audits
from training.audit.attack_list import attacks
from training.audit.audit import Settings, audit
from training.audit.case import Case
from training.audit.configuration import configured
from training.audit.effort import EFFORT
from training.audit.findings import Accuracy, Finding
from training.audit.policy import Policy
from training.audit.report import Report
from training.audit.statement import statement
from training.audit.under_way import over, resumed
from training.audit.work import Clock
from training.errors import TrainingError
from training.evaluate import ReidScores, TargetScores
from training.run import content

CROWD = people(subjects=18, tests=8)
SMALL = EFFORT["quick"].model_copy(
    update={"raw_epochs": 12, "epochs": 4, "windows": 256, "draws": (1, 2), "noise_windows": 16}
)


#: Of every person one query in eight is answered right.
GUESSED = ReidScores(
    subject=tuple(np.repeat(np.arange(10, 18), 64).tolist()),
    hits_at=(1, *[9] * 7) * 64,
    average_precision=(0.2,) * 512,
)


@pytest.fixture(autouse=True)
def small_effort(monkeypatch):
    monkeypatch.setattr(audits, "EFFORT", MappingProxyType({"quick": SMALL}))


def model(**changes: float) -> Model:
    """Ten channels of any size: ``anonymized = times * events + add * noise + offset``."""
    of = {"times": 0.0, "add": 0.0, "offset": 0.0} | changes
    nodes = [
        node("Mul", ["events", "times"], ["x"]),
        node("Mul", ["noise", "add"], ["z"]),
        node("Add", ["x", "z"], ["y"]),
        node("Add", ["y", "offset"], ["anonymized"]),
    ]
    constants = [constant(name, value) for name, value in of.items()]
    shape = ("n", 10, "h", "w")
    data = onnx_bytes(nodes, constants, input_shape=shape, output_shape=shape)
    return trusted(
        data,
        representation={"bins": 5, "height": None, "width": None},
        self_test={"min_rms_change": 0.01, "max_unchanged": 0.9},
    )


def settings(folder: Path, attacked: Model, **changes) -> Settings:
    fields = {
        "suite": "quick",
        "policy": Policy(),
        "config": configured(tiny_config(), attacked.manifest.representation),
        "work": folder,
        "weights": None,
        "seed": 0,
        "budget_s": 3600.0,
        "command": "anonynoise audit",
    }
    return Settings(**(fields | changes))


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """What is known of raw windows, learned once."""
    return tmp_path_factory.mktemp("work")


def audited(attacked: Model, work: Path, **changes) -> Report:
    return audit(attacked, CROWD, True, settings(work, attacked, **changes))


class TestVerdicts:
    def test_who_hides_next_to_nothing_leaks(self, work):
        report = audited(model(times=1.0, add=0.3), work)
        assert report.verdict == "leak", report.reason
        assert report.worst is not None and report.worst.high > report.worst.limit
        # Who stays for eight windows is mistaken too seldom to be known by it.
        held = {one.attack: one.held for one in report.controls if one.attack != "confusions"}
        assert len(held) == 3 and all(held.values())

    def test_the_input_as_it_is_leaks_without_an_attack(self, work):
        report = audited(model(times=1.0), work)
        assert report.verdict == "leak"
        assert "self-test" in report.reason and not report.attacks

    def test_noise_alone_is_no_leak(self, work):
        report = audited(model(add=4.0), work)
        assert report.verdict != "leak", report.reason

    def test_what_is_always_the_same_is_no_leak_of_anybody(self, work):
        report = audited(model(offset=3.3), work)
        assert report.verdict != "leak", report.reason
        (noise,) = [one for one in report.attacks if one.attack == "noise-stream"]
        assert not noise.broken and "the same" in noise.notes[0]


def test_one_person_to_test_on_is_told_of_before_hours_of_work(tmp_path):
    attacked = model(add=4.0)
    alone = people(subjects=6, tests=1)
    with pytest.raises(TrainingError, match="test split: has one person, two are needed"):
        audit(attacked, alone, True, settings(tmp_path / "work", attacked))
    assert not (tmp_path / "work").exists()


def test_weights_of_another_network_are_told_of_before_hours_of_work(tmp_path):
    other = tmp_path / "other.pt"
    torch.save({"state_dict": {}}, other)
    attacked = model(add=4.0)
    with pytest.raises(TrainingError, match=r"other\.pt: does not hold the weights"):
        audit(attacked, CROWD, True, settings(tmp_path / "work", attacked, weights=other))
    assert not (tmp_path / "work").exists()


def test_the_report_says_what_was_done_and_reads_back(work):
    report = audited(model(times=1.0, add=0.3), work)
    assert Report.model_validate_json(report.model_dump_json()) == report
    names = {one.attack for one in report.attacks if one.cover == "model"}
    assert {"static", "subspace", "confusions", "consecutive", "noise-stream"} <= names
    assert all(one.threat for one in report.attacks)
    assert {(one.cover, one.expected) for one in report.controls} >= {
        ("raw", "found"),
        ("weak", "found"),
        ("shuffled", "chance"),
    }
    assert report.data.synthetic and report.seeds == (0,)
    assert [one.consumer for one in report.utility] == ["retrained"]
    said = statement(report, "0" * 64)
    assert (said.verdict, said.worst) == (report.verdict, report.worst)


def test_the_quick_suite_trains_no_recogniser_where_one_comes_along(work, monkeypatch):
    test = CROWD.test
    scores = TargetScores(subject=tuple(test.subject.tolist()), correct=(True,) * len(test))
    known = Accuracy(consumer="gesture", task="gesture", scores=scores)
    monkeypatch.setattr(audits, "shipped", lambda case, repository: iter([known]))
    report = audited(model(times=1.0, add=0.3), work)
    assert [one.consumer for one in report.utility] == ["gesture"]


def guessed(case: Case) -> Finding:
    """Nobody found."""
    return Finding(attack="static", cover=case.kind, seed=case.seed, identity=GUESSED, chance=12.5)


def only(run: Callable[[Case], Finding], monkeypatch: pytest.MonkeyPatch) -> None:
    """No attack but this one, which needs no control."""
    (static,) = [one for one in attacks(None, show_raw=True) if one.name == "static"]
    alone = replace(static, run=run, positive=None, negative=False)
    # Nor is one missed that is of another suite.
    other = replace(alone, name="other", suites=("full",))
    monkeypatch.setattr(audits, "attacks", lambda *_, **__: (alone, other))


class TestUndecided:
    """What looks like a pass and is none."""

    def test_nobody_found_is_a_pass(self, tmp_path, monkeypatch):
        only(guessed, monkeypatch)
        assert audited(model(add=4.0), tmp_path).verdict == "pass"

    def test_windows_that_are_dropped_make_nobody_safer(self, tmp_path, monkeypatch):
        only(guessed, monkeypatch)
        whole = Anonymizer.anonymize
        asked = count()

        def now_and_then(self: Anonymizer, histograms):
            for outcome in whole(self, histograms):
                yield outcome if next(asked) % 4 else Rejected("non_finite")

        monkeypatch.setattr(Anonymizer, "self_test", lambda _: None)
        monkeypatch.setattr(Anonymizer, "anonymize", now_and_then)
        report = audited(model(add=4.0), tmp_path)
        assert report.verdict == "undecided"
        assert re.fullmatch(
            r"the model drops \d\d\.\d % of the windows, in which nobody can be found",
            report.reason,
        )
        assert report.worst is not None

    def test_what_was_dropped_before_a_stop_counts(self, tmp_path, monkeypatch):
        def covering(case: Case) -> Finding:
            windows = np.array(case.dataset.test.windows)
            case.cover(torch.from_numpy(windows).float())
            return guessed(case)

        def nothing(_: Anonymizer, histograms):
            return [Rejected("non_finite") for _ in histograms]

        only(covering, monkeypatch)
        with monkeypatch.context() as first:
            first.setattr(Anonymizer, "self_test", lambda _: None)
            first.setattr(Anonymizer, "anonymize", nothing)
            first.setattr(audits, "judge", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                audited(model(add=4.0), tmp_path)
        report = audited(model(add=4.0), tmp_path)
        assert report.verdict == "undecided" and "the model drops" in report.reason

    def test_an_attack_that_breaks_down_is_told_of_and_the_rest_stands(self, tmp_path, monkeypatch):
        def breaks(case: Case) -> Finding:
            raise KeyError("no such node")

        only(breaks, monkeypatch)
        report = audited(model(add=4.0), tmp_path)
        assert report.verdict == "undecided"
        assert (
            report.reason == "static was not carried out: unexpected KeyError; the log says where"
        )
        assert report.utility

    def test_an_attack_that_says_of_nobody_who_he_is(self, tmp_path, monkeypatch):
        only(lambda case: Finding(attack="static", cover=case.kind, seed=0), monkeypatch)
        report = audited(model(add=4.0), tmp_path)
        assert report.verdict == "undecided" and "says nothing of who is who" in report.reason


def test_the_longer_suites_compare_with_gaussian_noise_and_say_what_is_left_out(
    tmp_path, monkeypatch
):
    only(guessed, monkeypatch)
    monkeypatch.setattr(audits, "EFFORT", MappingProxyType({"nightly": SMALL}))
    report = audited(model(add=4.0), tmp_path, suite="nightly")
    assert report.verdict == "pass"
    raw, *noise = report.baselines
    assert raw.name == "raw" and raw.top1.mean > 3 * report.chance
    assert [one.std for one in noise] == list(tiny_config().gaussian)
    assert [(one.attack, one.reason) for one in report.skipped] == [
        ("reconstruction", "no published weights were given (--weights)")
    ]


class TestTime:
    """What a suite may take, whatever it is given."""

    @pytest.fixture
    def cases(self, monkeypatch) -> list[Case]:
        """What the only attack that there is was given."""
        given: list[Case] = []

        def run(case: Case) -> Finding:
            given.append(case)
            return guessed(case)

        only(run, monkeypatch)
        return given

    def test_a_large_data_set_is_attacked_in_part_and_the_report_says_so(
        self, tmp_path, monkeypatch, cases
    ):
        fewer = {"test_windows": 70, "linked_windows": 100}
        less = SMALL.model_copy(update={"raw_epochs": 1, "epochs": 1, **fewer})
        monkeypatch.setattr(audits, "EFFORT", MappingProxyType({"quick": less}))
        noise = model(add=4.0)
        reports = [
            audited(noise, tmp_path / str(night), seed=seed) for night, seed in enumerate((0, 0, 1))
        ]
        seen = [case.dataset.test for case in cases]
        assert [len(test) for test in seen] == [64, 64, 64]
        assert all(set(np.bincount(test.subject)[10:]) == {8} for test in seen)
        # Who puts windows together has more of them.
        assert [len(case.linked) for case in cases] == [96, 96, 96]
        same, other = (np.array_equal(seen[0].windows, test.windows) for test in seen[1:])
        assert same and not other
        for report in reports:
            assert "Of 128 test windows 64 were attacked" in report.data.notes[-2]
            assert "put windows together looked at 96 test windows" in report.data.notes[-1]
            assert (report.data.test["windows"], report.data.test["subjects"]) == (64, 8)
            # Audits of the same data are of the same data, whatever was drawn.
            assert report.data.digest == content(CROWD)

    def test_nothing_is_left_out_of_a_small_one(self, tmp_path, cases):
        report = audited(model(add=4.0), tmp_path)
        assert cases[0].dataset is CROWD
        assert report.data.notes == () and report.data.test["windows"] == len(CROWD.test)

    def test_no_network_is_begun_for_the_task_that_would_not_be_over_in_time(
        self, tmp_path, monkeypatch, cases
    ):
        class Late(audits.Clock):
            left_s = 1e-3

        monkeypatch.setattr(audits, "Clock", Late)
        report = audited(model(add=4.0), tmp_path)
        assert len(cases) == 1 and report.utility == ()


class TestUnderWay:
    def test_a_stopped_audit_goes_on_and_a_finished_one_does_not(self, work):
        begun = resumed(work, "quick", "key", None)
        assert resumed(work, "quick", "key", None) == begun
        assert resumed(work, "quick", "key", begun.seed) == begun
        assert resumed(work, "quick", "other", None) != begun
        over(work)
        assert resumed(work, "quick", "key", None) != begun
        over(work)

    def test_a_killed_audit_keeps_what_it_found(self, work, monkeypatch, tmp_path):
        leaky = model(times=1.0, add=0.3)
        whole = audited(leaky, work)
        over(work)

        def killed(done, of):
            if done == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            audit(leaky, CROWD, True, settings(work, leaky), killed)
        report = audited(leaky, work)
        found = {(one.attack, one.cover): one.identity for one in report.attacks}
        assert found == {(one.attack, one.cover): one.identity for one in whole.attacks}

    @pytest.mark.parametrize("where", ["raw_attacker", "attack", "task"])
    def test_what_was_stopped_half_way_has_taken_its_time(self, tmp_path, monkeypatch, where):
        passed_s = [0.0]
        stops = iter([KeyboardInterrupt] * 2)

        def stopped(*_) -> Finding:
            passed_s[0] += 3599.0
            raise next(stops, AssertionError)

        only(stopped if where == "attack" else guessed, monkeypatch)
        monkeypatch.setattr(Case, "raw_attacker", lambda case: None)
        if where == "raw_attacker":
            monkeypatch.setattr(Case, where, stopped)
        if where == "task":
            monkeypatch.setattr(audits, "shipped", stopped)
        monkeypatch.setattr(audits, "Clock", partial(Clock, now=lambda: passed_s[0]))
        leaky = model(times=1.0, add=0.3)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                audited(leaky, tmp_path)
        monkeypatch.setattr(audits, "shipped", lambda case, repository: iter(()))
        report = audited(leaky, tmp_path)
        assert report.duration_s == 2 * 3599.0
        # What came before the task was done in time, what was not begun was not.
        assert (report.verdict == "undecided" and "time" in report.reason) == (where != "task")

    def test_without_time_nothing_is_decided(self, tmp_path):
        leaky = model(times=1.0, add=0.3)
        report = audited(leaky, tmp_path, budget_s=1e-9)
        assert report.verdict == "undecided" and "time" in report.reason
        assert len(report.skipped) > 3
