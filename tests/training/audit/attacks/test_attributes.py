"""Properties of people besides who they are."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.training.audit.people import Nothing, case, people
from training.audit.attacks import attributes
from training.audit.attacks.attributes import attribute_cost, properties
from training.audit.findings import Finding
from training.batches import Batch
from training.datasets.window_set import Dataset
from training.stages.cover import Raw

SUBJECTS = 10


def labelled() -> Dataset:
    """``loud`` can be seen; ``same`` is one for all to be found, ``new`` nobody taught."""
    return replace(
        people(SUBJECTS),
        attributes={
            "loud": ("no", "yes") * (SUBJECTS // 2),
            "same": ("a",) * 3 + ("b",) * 7,
            "new": ("a",) * 8 + ("b", "c"),
        },
    )


def right(finding: Finding) -> dict[str, float]:
    return {one.name: 100 * float(np.mean(one.correct)) for one in finding.attributes}


def test_what_raw_windows_show_is_told_and_noise_tells_nothing(folder: Path) -> None:
    dataset = labelled()
    found = attributes.attack(case(Raw(), folder, dataset))
    # What all of those to be found share, or what nobody taught, cannot be told.
    assert [one.name for one in found.attributes] == ["condition", "loud"]
    assert right(found)["loud"] > 90
    assert float(found.details["balanced_loud"]) > 90  # type: ignore[arg-type]
    assert all(len(one.correct) == len(one.subject) == 64 for one in found.attributes)
    assert all(one.subject == tuple(dataset.test.subject) for one in found.attributes)
    chances = {one.name: one.chance for one in found.attributes}
    assert chances == {"condition": 50, "loud": 50}
    # The network is kept.
    assert attributes.attack(case(Raw(), folder, dataset)) == found

    nothing = attributes.attack(case(Nothing(), folder, dataset))
    assert all(abs(level - 50) < 25 for level in right(nothing).values())


def test_of_shuffled_people_the_light_is_not_asked_which_was_not_dealt_out(folder: Path) -> None:
    dealt = replace(case(Nothing(), folder, labelled()), kind="shuffled")
    assert [one.name for one in attributes.attack(dealt).attributes] == ["loud"]


def test_a_data_set_that_says_nothing_else(folder: Path) -> None:
    found = attributes.attack(case(Raw(), folder, people(conditions=1)))
    assert found.attributes == () and "nothing" in found.note


def test_rare_values_weigh_as_much_as_common_ones() -> None:
    dataset = labelled()
    subject = dataset.train.subject
    rare = tuple("a" if s == 0 else "b" for s in range(SUBJECTS))
    mixed = tuple("ab"[s % 2] for s in range(SUBJECTS))
    dataset = replace(dataset, attributes={"rare": ("a", *rare[1:-1], "a"), "mixed": mixed})
    known = properties(dataset)
    assert [one.name for one in known] == ["condition", "rare", "mixed"]
    cost = attribute_cost(known)
    code = torch.tensor([0 + 2 * 0 + 4 * 1, 1 + 2 * 1 + 4 * 0])
    logits = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    share = (subject == 0).mean()
    weight = torch.tensor([1 / (2 * share), 1 / (2 * (1 - share))]).float()
    expected = torch.stack(
        [
            functional.cross_entropy(logits[:, :2], torch.tensor([0, 1])),
            functional.cross_entropy(logits[:, 2:4], torch.tensor([0, 1]), weight),
            functional.cross_entropy(logits[:, 4:], torch.tensor([1, 0])),
        ]
    ).mean()
    batch = Batch(torch.zeros(2), torch.zeros(2), code)
    assert float(cost(logits, batch)) == pytest.approx(float(expected), rel=1e-5)
