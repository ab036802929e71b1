"""What a result says of the command that it comes from."""

import shlex
import sys
from pathlib import Path

import pytest

from training import provenance


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("audit gaussian-4 --data people", "audit gaussian-4 --data people"),
        ("audit {here}/models/mine --data {here}/people", "audit models/mine --data people"),
        ("audit /srv/secret/mine --data=/home/ada/people", "audit mine --data=people"),
        ("train table1 --run {here}", "train table1 --run ."),
        ("train table1 --set gaussian=[4]", "train table1 --set 'gaussian=[4]'"),
        ("audit --data '/home/ada/two words'", "audit --data 'two words'"),
        (
            "train table1 --set networks.imagenet=/srv/w.pt",
            "train table1 --set networks.imagenet=w.pt",
        ),
    ],
)
def test_a_command_is_told_without_the_places_of_this_machine(
    typed: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["anonynoise", *shlex.split(typed.format(here=tmp_path))])
    assert provenance.command() == f"anonynoise {said}"
