"""Whether attacks find what is plain to see, and nothing where there is nothing to find."""

import numpy as np
import pytest

from tests.training.audit.found import CHANCE, POLICY, finding, scores
from training.audit.attack_list import attacks
from training.audit.controls import controls
from training.audit.findings import Attribute, Finding, Point
from training.audit.report import Control

LISTED = attacks(None, show_raw=True)
#: Who shows what he can over a cover.
BY = {"raw": "static", "weak": "subspace", "shuffled": "subspace"}


def controlled(one: Finding, *others: Finding) -> Control:
    """The line of ``one``, among those of ``others``."""
    lines = controls(LISTED, [one, *others], POLICY)
    assert len(lines) == 1 + len(others)
    (line,) = [line for line in lines if (line.attack, line.cover) == (one.attack, one.cover)]
    return line


def over(cover: str, right: float, **more: object) -> Finding:
    return finding(right, BY[cover], cover=cover, **more)


def told(cover: str, chance: float = 50, **right: float) -> Finding:
    """What about so many percent of the windows of eight people, sixty of each, say rightly."""
    generator = np.random.default_rng(0)
    subject = tuple(np.repeat(np.arange(8), 60).tolist())
    return finding(
        0,
        "attributes",
        identity=None,
        cover=cover,
        attributes=tuple(
            Attribute(
                name=name,
                correct=tuple((generator.random(len(subject)) < share / 100).tolist()),
                subject=subject,
                chance=chance,
            )
            for name, share in right.items()
        ),
    )


@pytest.mark.parametrize("cover", ["raw", "weak"])
def test_positive_controls_hold_where_people_are_found(cover):
    found = controlled(over(cover, 80))
    assert found.held and found.expected == "found" and found.attribute is None
    assert not controlled(over(cover, CHANCE)).held


@pytest.mark.parametrize("cover", ["raw", "weak"])
def test_where_no_more_is_found_than_a_model_may_give_away_nothing_is_shown(cover):
    little = controlled(over(cover, 24))
    assert CHANCE < little.top1.low < POLICY.limit(CHANCE)
    assert not little.held


@pytest.mark.parametrize(("cover", "holds"), [("weak", False), ("shuffled", True)])
def test_a_control_that_may_be_guessing_is_taken_for_guessing(cover, holds):
    found = controlled(over(cover, 0, identity=scores(19, queries=8)))
    assert found.top1.low < CHANCE < found.top1.mean
    assert found.held is holds


def test_all_negative_controls_share_a_level():
    """Above a guess in 95 of 100 cases is nothing where there are twelve of them."""
    by_luck = over("shuffled", 0, identity=scores(23, queries=20))
    names = [one.name for one in LISTED if one.negative and one.name != by_luck.attack][:11]
    others = [finding(CHANCE, name, cover="shuffled") for name in names]
    found = controlled(by_luck, *others)
    assert found.top1.low > CHANCE
    assert found.held
    assert not controlled(by_luck).held


def test_a_control_has_its_own_chance():
    own = controlled(over("shuffled", 40, chance=50.0))
    assert own.held and own.chance == 50
    assert not controlled(over("shuffled", 40)).held


def test_where_windows_are_put_together_the_most_of_them_are_the_control():
    curve = tuple(
        Point(count=k, identity=scores(right), chance=CHANCE) for k, right in ((1, CHANCE), (8, 90))
    )
    for cover, holds in (("weak", True), ("shuffled", False)):
        found = controlled(over(cover, 0, identity=None, curve=curve))
        assert found.held is holds and found.top1.mean > 80


def test_negative_controls_hold_where_nobody_is():
    found = controlled(over("shuffled", CHANCE))
    assert found.held and found.expected == "chance"
    assert not controlled(over("shuffled", 50)).held


def test_each_property_of_people_is_a_control():
    findings = [told("raw", skin=90, iris=50), told("shuffled", skin=90, iris=50)]
    lines = controls(LISTED, findings, POLICY)
    held = {(line.cover, line.attribute): line.held for line in lines}
    # By guessing half are right: no more is allowed, but twice as many would be of people.
    assert held == {
        ("raw", "skin"): True,
        ("raw", "iris"): False,
        ("shuffled", "skin"): False,
        ("shuffled", "iris"): True,
    }
    assert {line.attack for line in lines} == {"attributes"}
    assert all(line.chance == 50 for line in lines)


def test_a_property_must_be_told_better_than_by_guessing_and_not_as_often_as_people_be_found():
    assert POLICY.limit(25) == 50
    for right, held in ((40, True), (26, False)):
        (line,) = controls(LISTED, [told("raw", 25, skin=right)], POLICY)
        assert line.held is held


def test_a_data_set_that_says_nothing_of_people_has_no_such_control():
    assert controls(LISTED, [told("raw"), told("shuffled")], POLICY) == ()


def test_what_is_found_over_the_model_is_no_control():
    assert controls(LISTED, [finding(80, "static")], POLICY) == ()


@pytest.mark.parametrize("one", LISTED, ids=lambda one: one.name)
def test_every_attack_on_people_is_shown_able_to_succeed_and_to_fail(one):
    assert "full" in one.controlled
    assert (one.controls[-1:] == ("shuffled",)) is (one.goal != "noise")
    assert (one.positive in ("raw", "weak")) is (one.goal != "noise")
