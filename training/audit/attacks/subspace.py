"""Subspace: look only where the model can say anything.

The adversary has the model's file. Over windows of people he knows he works out what it says
without noise, and finds the few directions in which that varies; of published windows he keeps
these alone. Whatever the model repeats over many cells is summed up by that, and the noise of all
others falls away, as far as any linear denoiser can make it. In these coordinates he trains a
small network on other people, with as much noise as he likes, for single windows and for K
consecutive ones added up, and links a group of K (query) with groups of other sessions, in another
light. Success: the same person ranks first more often than by chance. It can really be carried
out, by anybody who has the model, on a laptop.

The directions are the principal components of A(x, 0); for a model whose noise is the same
everywhere no other linear map keeps more of the signal (Eckart and Young, 1936).
"""

import numpy as np
import torch

from training.audit.case import Case, chosen, sample
from training.audit.directions import BASIS, coordinates, subspace
from training.audit.findings import Finding
from training.audit.linker import learned_from, linking
from training.audit.signal import Signal
from training.device import device, threads
from training.seeds import numpy_generator, torch_generator

NAME = "subspace"

#: Windows whose noise is put over all others.
_NOISED = 1000


def attack(case: Case) -> Finding:
    """A curve over the numbers of windows of the suite that every session has."""
    config, test = case.config, case.linked
    draw = numpy_generator(case.seed, NAME, "sample")
    noise = torch_generator(device(config.compute), case.seed, NAME, "noise")
    signal = Signal(case.cover, threads(config.compute))
    where = subspace(signal, sample(case.dataset.train, BASIS, draw), config)
    train = learned_from(case, draw)
    clean = coordinates(where, signal, train, config, noise)
    noised = np.sort(draw.permutation(len(train))[:_NOISED])
    covered = coordinates(where, case.cover, chosen(train, noised), config, noise)
    residual = covered - clean[torch.from_numpy(noised)]
    seen = coordinates(where, case.cover, test, config, noise)
    curve = linking(case, NAME, clean, residual, train, seen)
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        curve=curve,
        details={"directions": where.directions.shape[1]},
    )
