"""Metadata: what the messages say beside their tensors.

The adversary reads of every window what its message says in the clear: the power of a thousand of
the number of its events. What is done in it he knows, as the model is there to tell. On other
people he trains a small network that has the two of K consecutive windows, and links a group of K
(query) with groups of other sessions, in another light. Success: the same person ranks first more
often than by chance. It can really be carried out by any reader, whatever the model, so it says
nothing of a model and does not decide; over raw windows it has the exact numbers.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from events.magnitude import magnitude
from training.audit.case import Case
from training.audit.findings import Finding
from training.audit.linker import learned_from, linking
from training.datasets.window_set import WindowSet
from training.seeds import numpy_generator

NAME = "metadata"


def attack(case: Case) -> Finding:
    """A curve over the numbers of windows of the suite that every session has."""
    labels, test = len(case.dataset.labels), case.linked
    draw = numpy_generator(case.seed, NAME, "sample")
    train = learned_from(case, draw)
    exact = case.kind == "raw"
    known, seen = _told(train, labels, exact), _told(test, labels, exact)
    curve, pairs = linking(case, NAME, known, torch.zeros_like(known), train, seen)
    return Finding(attack=NAME, cover=case.kind, seed=case.seed, curve=curve, verification=pairs)


def _told(windows: WindowSet, labels: int, exact: bool) -> Tensor:
    """Of every window the logarithm of its events, its label, and the one for each of the other."""
    numbers = _numbers(windows)
    told = numbers if exact else np.array([magnitude(int(number)) for number in numbers])
    log = np.log10(np.maximum(told, 1))[:, None]
    label = np.eye(labels)[windows.label]
    return torch.from_numpy(np.hstack([log, label, log * label])).float()


def _numbers(windows: WindowSet) -> NDArray[np.int64]:
    """Events of every window; one after the other, as there may be more than memory holds."""
    return np.array([int(window.sum(dtype=np.int64)) for window in windows.windows], np.int64)
