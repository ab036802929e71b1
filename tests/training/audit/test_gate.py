"""The verdict: on the side of the people in the picture."""

import pytest

from tests.training.audit.found import CHANCE, POLICY, finding, scores
from tests.training.audit.reports import control
from training.audit.attack_list import attacks
from training.audit.findings import Finding, Point, Skipped
from training.audit.gate import judge, measured
from training.audit.levels import levels
from training.audit.summary import attack


def judged(*findings: Finding, gated=None, controls=(), skipped=()):
    """The verdict where all attacks of which anything is said are ``gated``, but averaging."""
    if gated is None:
        names = {one.attack for one in (*findings, *controls, *skipped)}
        gated = sorted(names - {"averaging"})
    return judge(findings, gated, controls, skipped, POLICY)


class TestVerdict:
    def test_all_guessing_passes(self):
        found = judged(finding(CHANCE), finding(CHANCE, "static"))
        assert found.verdict == "pass"
        assert found.worst is not None and found.worst.high <= found.worst.limit == 2 * CHANCE

    @pytest.mark.parametrize("right", [40, 70, 100])
    def test_people_found_is_a_leak_that_names_the_attack(self, right):
        found = judged(finding(CHANCE, "static"), finding(right))
        assert found.verdict == "leak"
        assert found.worst is not None and found.worst.attack == "retrain"
        assert "retrain" in found.reason and f"{found.worst.value:.1f}" in found.reason

    def test_the_worst_attack_counts_not_the_mean(self):
        weak = [finding(CHANCE / 2, f"weak-{i}") for i in range(9)]
        gated = [one.attack for one in weak] + ["retrain"]
        assert judged(*weak, finding(60), gated=gated).verdict == "leak"

    def test_the_upper_bound_counts_not_the_mean(self):
        # The mean is below the limit of 25, but people differ so much that nobody can be sure.
        uneven = finding(0, identity=scores(18, spread=0.18))
        found = judged(uneven)
        assert found.worst is not None
        assert found.worst.value < found.worst.limit < found.worst.high
        assert found.verdict != "pass"

    @pytest.mark.parametrize(("most", "verdict"), [(15, "pass"), (90, "leak")])
    def test_the_attack_that_got_furthest_is_named(self, most, verdict):
        found = judged(finding(CHANCE / 2, "noise"), finding(most - 5, "static"), finding(most))
        assert found.verdict == verdict
        assert found.worst is not None and found.worst.attack == "retrain"
        assert "retrain finds" in found.reason

    def test_more_than_guessing_is_no_leak_where_it_is_within_the_limit(self):
        found = judged(finding(0, identity=scores(18, queries=2000)))
        assert found.verdict == "pass"
        assert found.worst is not None and found.worst.low > found.worst.chance

    def test_windows_put_together_count(self):
        curve = tuple(
            Point(count=k, identity=scores(right), chance=CHANCE)
            for k, right in ((1, CHANCE), (8, 90))
        )
        found = judged(finding(0, identity=None, curve=curve))
        assert found.verdict == "leak"
        assert found.worst is not None and found.worst.attack == "retrain-8"

    def test_an_attack_has_its_own_chance(self):
        assert judged(finding(40)).verdict == "leak"
        assert judged(finding(40, chance=50.0)).verdict == "pass"

    def test_what_is_not_gated_does_not_count(self):
        assert judged(finding(CHANCE), finding(100, "averaging")).verdict == "pass"

    def test_repeated_noise_is_a_leak_whatever_the_rates(self):
        broken = finding(0, "noise", identity=None, broken=True, note="two windows are the same")
        found = judged(finding(CHANCE), broken)
        assert (found.verdict, found.reason) == ("leak", "two windows are the same")

    def test_seeds_are_put_together(self):
        seeds = [
            finding(0, seed=seed, identity=scores(right, seed=seed))
            for seed, right in enumerate((CHANCE, CHANCE, 100))
        ]
        found = judged(*seeds)
        assert found.verdict == "leak"
        assert found.worst is not None and 30 < found.worst.value < 60


class TestFewStays:
    """Eight people, sixteen stays: even of a guess the upper bound would be above the limit."""

    @staticmethod
    def stays(right: float, *, single: float | None = CHANCE) -> Finding:
        singles = [Point(count=1, identity=scores(single), chance=CHANCE)] if single else []
        few = Point(count=64, identity=scores(right, queries=2), chance=CHANCE)
        return finding(0, identity=None, curve=(*singles, few))

    def test_are_within_the_limit_by_their_mean_and_the_verdict_says_so(self):
        found = judged(self.stays(CHANCE))
        assert found.verdict == "pass"
        assert found.reason.endswith("; too few to tell by more than the mean: retrain-64")
        assert found.worst is not None and found.worst.attack == "retrain-1"
        assert found.worst.high <= found.worst.limit

    def test_are_no_pass_where_more_are_found_than_may_be(self):
        found = judged(self.stays(35))
        assert found.verdict == "undecided"
        assert found.worst is not None and found.worst.attack == "retrain-64"
        assert found.reason.startswith("too few people, or windows of each, to tell: retrain-64")

    def test_are_a_leak_where_everybody_is_found(self):
        assert judged(self.stays(100)).verdict == "leak"

    def test_of_whom_nobody_is_found_tell_nothing(self):
        found = judged(finding(0, identity=scores(0, queries=1)))
        assert found.verdict == "undecided"
        assert found.worst is not None and found.worst.high > found.worst.limit

    def test_alone_tell_nothing(self):
        found = judged(self.stays(CHANCE, single=None), finding(CHANCE, "static"))
        assert found.verdict == "undecided"
        assert found.worst is not None and found.worst.attack == "retrain-64"


class TestUndecided:
    def test_an_attack_that_was_not_carried_out(self):
        left = Skipped(attack="static", cover="model", seed=0, reason="its time was over")
        found = judged(finding(CHANCE), skipped=[left])
        assert found.verdict == "undecided"
        assert found.reason == "static was not carried out: its time was over"
        assert judged(finding(80), skipped=[left]).verdict == "leak"
        other = left.model_copy(update={"attack": "averaging"})
        assert judged(finding(CHANCE), skipped=[other]).verdict == "pass"

    def test_an_attack_of_which_nothing_is_said(self):
        found = judged(finding(CHANCE), gated=["retrain", "static"])
        assert (found.verdict, found.reason) == ("undecided", "static was not carried out")
        assert judged(finding(80), gated=["retrain", "static"]).verdict == "leak"

    @pytest.mark.parametrize(("cover", "right"), [("weak", CHANCE), ("shuffled", 90)])
    def test_what_does_not_count_needs_no_control_that_holds(self, cover, right):
        failed = control("averaging", cover, right, held=False)
        assert judged(finding(CHANCE), controls=[failed]).verdict == "pass"
        assert judged(finding(80), controls=[failed]).verdict == "leak"
        counting = failed.model_copy(update={"attack": "retrain"})
        assert judged(finding(CHANCE), controls=[counting]).verdict == "undecided"

    def test_one_carried_out_with_other_seeds_is_said_with_its_seed(self):
        left = Skipped(attack="retrain", cover="model", seed=1, reason="its time was over")
        found = judged(finding(CHANCE), skipped=[left])
        assert found.reason == "retrain was not carried out with seed 1: its time was over"

    @pytest.mark.parametrize("cover", ["raw", "weak", "shuffled"])
    def test_nothing_passes_without_what_shows_that_attacks_work(self, cover):
        left = Skipped(attack="retrain", cover=cover, seed=0, reason="its time was over")
        found = judged(finding(CHANCE), skipped=[left])
        assert found.verdict == "undecided"
        assert f"retrain was not carried out over {cover} windows: its time" in found.reason
        # What was found stands, and what does not count needs nothing.
        assert judged(finding(80), skipped=[left]).verdict == "leak"
        other = left.model_copy(update={"attack": "averaging"})
        assert judged(finding(CHANCE), skipped=[other]).verdict == "pass"
        # An attack on the model is said first.
        main = left.model_copy(update={"cover": "model", "attack": "static"})
        assert "static was" in judged(finding(CHANCE), skipped=[left, main]).reason

    def test_nothing_carried_out(self):
        assert judged().verdict == "undecided"

    def test_an_attack_that_finds_nobody_where_everybody_is_to_be_seen(self):
        failed = control("retrain", "weak", CHANCE, held=False)
        found = judged(finding(CHANCE), controls=[failed])
        assert found.verdict == "undecided"
        assert found.reason == "retrain found too few people on weak windows"
        assert judged(finding(90), controls=[failed]).verdict == "leak"

    def test_an_attack_that_finds_people_who_were_shuffled(self):
        failed = control("retrain", "shuffled", 60, held=False)
        found = judged(finding(90), controls=[failed])
        assert found.verdict == "undecided" and "shuffled" in found.reason


@pytest.mark.parametrize(
    ("chance", "limit"), [(2.5, 5), (25, 50), (100 / 3, 50), (50, 50), (60, 60)]
)
def test_whom_the_right_name_is_said_of_more_often_than_not_is_found(chance, limit):
    assert POLICY.limit(chance) == limit


@pytest.mark.parametrize("right", [20, 24, 26, 60])
def test_the_report_says_what_the_verdict_says(right):
    curve = (Point(count=4, identity=scores(right, seed=2), chance=CHANCE / 3),)
    found = [finding(right, seed=seed, curve=curve, chance=100 / 7) for seed in (0, 1)]
    (listed,) = [one for one in attacks(None, show_raw=True) if one.name == "static"]
    told = levels(attack(listed, found), POLICY)
    assert [one.level for one in measured(found, POLICY)] == list(told)
    assert [one.name for one in told] == ["retrain", "retrain-4"]


def test_where_guessing_gets_nothing_everything_is_over_the_limit():
    found = judged(finding(40, chance=0.0))
    assert found.verdict == "leak" and found.worst is not None and found.worst.limit == 0


def test_a_model_that_tells_nothing_is_never_called_a_leak():
    names = [f"attack-{i}" for i in range(12)]
    for draw in range(15):
        findings = [
            finding(0, name, identity=scores(CHANCE, queries=11, seed=100 * draw + place))
            for place, name in enumerate(names)
        ]
        assert judged(*findings, gated=names).verdict != "leak"
