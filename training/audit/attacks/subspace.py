"""Subspace: look only where the model can say anything.

The adversary has the model's file. Over windows of people he knows he works out what it says
without noise, and finds the few directions in which that varies; of published windows he keeps
these alone. Whatever the model repeats over many cells is summed up by that, and the noise of all
others falls away, as far as any linear denoiser can make it. In these coordinates he trains a
small network on other people, with as much noise as he likes, for single windows and for K
consecutive ones added up, and links a group of K (query) with groups of other sessions, in another
light. Success: the same person ranks first more often than by chance. It can really be carried
out, by anybody who has the model, on a laptop.
"""

from training.audit.case import Case
from training.audit.directions import coordinates
from training.audit.findings import Finding
from training.audit.linker import linking

NAME = "subspace"


def attack(case: Case) -> Finding:
    """A curve over the numbers of windows of the suite that every session has."""
    said = coordinates(case)
    residual = said.covered - said.clean
    curve, pairs = linking(case, NAME, said.clean, residual, said.train, said.seen)
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        curve=curve,
        verification=pairs,
        details={"directions": said.seen.shape[1]},
    )
