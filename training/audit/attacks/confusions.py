"""Confusions: who is taken for doing what, over a whole stay.

The adversary has the model's file, and knows which published windows belong together and where
one recording ends and the next begins. A model that publishes a decision under noise says of each
window one of a few things, which he reads off without a mistake, or nearly. What somebody does he
takes to be what is said most often of the recording, and counts what else is said of it: a person
whose gesture is taken for another, again and again, is known by it. How people differ in that he
learns from others, whom he sent through the model himself, and asks of two counts whether they are
of one person or of two (the Bayes factor). He counts over K consecutive windows and over whole
sessions, and links each (query) with those of other sessions, in another light. Success: the same
person ranks first more often than by chance. It can really be carried out, learns within a minute,
and the longer somebody stays the more it finds.

Of a model that says more than that, the things are the places about which what it says is gathered
(k-means over the coordinates of ``subspace``; Lloyd, 1982), and he counts how often each is said,
whatever somebody does.

What shows that he can succeed is not a little noise, under which more is to be had by other means,
but a model that decides something personal: whom a window looks like, of people a network knows.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq  # type: ignore[import-untyped]
from torch import Tensor, nn

from models.networks.reid import ReidNetwork
from training.audit.case import Case
from training.audit.directions import coordinates
from training.audit.findings import Finding, Point
from training.audit.sessions import groups, searched, sessions, shortest
from training.audit.tables import Prior, tabled
from training.checkpoint import load_checkpoint
from training.datasets.window_set import WindowSet
from training.seeds import numpy_generator
from training.stages.cover import Learned

NAME = "confusions"

#: Below so many windows there is little to count, and there are many groups of them.
_FEWEST = 8
#: Things that a model says, where it says more than so many.
_MOST_WORDS = 64
#: A model that says no more things than so many for each thing to do says what is done.
_WORDS_A_LABEL = 2
#: How loud a cell is that tells one, in standard deviations of the noise.
_LOUD = 20.0
#: Of the signal's scale: what differs by less is the same.
_SAME = 1e-3


def attack(case: Case) -> Finding:
    """A curve over the numbers of windows of the suite, and over the shortest session's."""
    if case.kind == "weak":
        case = replace(case, cover=telling(case.raw_attacker()))
    test, said = case.linked, coordinates(case)
    book = codebook(said.clean, numpy_generator(case.seed, NAME, "words"))
    few = len(book) <= _WORDS_A_LABEL * len(case.dataset.labels)

    def read(windows: WindowSet, published: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What each window is taken to show, and what is said of it."""
        words = np.asarray(vq(published.double().numpy(), book)[0], np.int64)
        return commonest(windows.recording, words) if few else np.zeros_like(words), words

    known = _by_session(said.train, *read(said.train, said.covered), len(book))
    prior = Prior.learned(known)
    doing, seen = read(test, said.seen)
    curve = []
    longest = shortest(test)
    for count in sorted({longest, *(n for n in case.effort.draws if _FEWEST <= n < longest)}):
        places = groups(test, count)
        tables = tabled(doing, seen, places, len(book))
        scores, chance = searched(test, places, partial(_apart, prior, tables))
        curve.append(Point(count=count, identity=scores, chance=chance))
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        curve=tuple(curve),
        details={
            "words": len(book),
            **({"percent_else": 100 * float((doing != seen).mean())} if few else {}),
        },
    )


class _Likeness(nn.Module):
    """Which of the people that it knows ``network`` takes somebody for: a cell that is loud."""

    def __init__(self, network: ReidNetwork) -> None:
        super().__init__()
        self.network = network

    @torch.no_grad()
    def forward(self, events: Tensor, noise: Tensor) -> Tensor:
        cell = self.network(events)[1].argmax(dim=1) % _MOST_WORDS
        signal = torch.zeros_like(events).flatten(1)
        signal[torch.arange(len(cell)), cell] = _LOUD
        return signal.reshape(events.shape) + noise


def telling(attacker: Path) -> Learned:
    """A cover that tells whom, of the people whom ``attacker`` knows, a window looks like."""
    network = cast(ReidNetwork, load_checkpoint(attacker, "reid").network())
    return Learned(_Likeness(network.eval()), "likeness")


def codebook(said: Tensor, generator: np.random.Generator) -> NDArray[np.float64]:
    """What a model says, of windows whose coordinates without noise are ``said`` ``[N, k]``.

    The different things themselves ``[S, k]`` where they are few, or else so many means.
    """
    points = said.double().numpy()
    scale = max(float(np.abs(points).max()), 1e-12) * _SAME
    _, first = np.unique(np.round(points / scale), axis=0, return_index=True)
    if len(first) <= _MOST_WORDS:
        return np.asarray(points[np.sort(first)])
    means, _ = kmeans2(points, _MOST_WORDS, minit="++", rng=generator, missing="warn")
    return np.asarray(means)


def commonest(recording: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of each window, what is said most often of its recording, int64 ``[N]``."""
    _, which = np.unique(recording, return_inverse=True)
    counted = np.zeros((which.max() + 1, words.max() + 1), np.int64)
    np.add.at(counted, (which, words), 1)
    most: NDArray[np.int64] = counted.argmax(axis=1)[which]
    return most


def _apart(prior: Prior, tables: NDArray[np.int64], some: NDArray[np.int64]) -> NDArray[np.float64]:
    return prior.distances(tables[some], tables)


def _by_session(
    windows: WindowSet, doing: NDArray[np.int64], words: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    session = sessions(windows)
    own = [np.flatnonzero(session == one)[None] for one in range(session.max() + 1)]
    return np.concatenate([tabled(doing, words, places, size) for places in own])
