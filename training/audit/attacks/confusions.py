"""Confusions: who is taken for doing what, over a whole stay.

The adversary has the model's file, and knows which published windows belong together and where
one recording ends and the next begins. A model that publishes a decision under noise says of each
window one of a few things, of which he knows how likely each is, and nearly always which it is.
What somebody does he takes to be what is said of the whole recording, and looks at what else is
said of it: a person whose gesture is taken for another, again and again, is known by it. How people
differ in that he learns from others, whom he sent through the model himself, and asks of two groups
whether they are of one person or of two (the Bayes factor). He does so for K consecutive windows
and for whole sessions, and links each (query) with those of other sessions, in another light.
Success: the same person ranks first more often than by chance. It can really be carried out, learns
within a minute, and the longer somebody stays the more it finds.

Of a model that says more than that, the things are the places about which what it says is gathered
(k-means over the coordinates of ``subspace``; Lloyd, 1982), and he counts how often each is said,
whatever somebody does.

What shows that he can succeed is not a little noise, under which more is to be had by other means,
but two made-up models: one says whom a window looks like, of people whom a network knows, and the
other what somebody does, and mistakes everybody in his own way. By both he must find people.
"""

from collections.abc import Callable
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
from training.audit.directions import Coordinates, coordinates
from training.audit.findings import Finding
from training.audit.linker import learned_from
from training.audit.sessions import groups, in_order, longest, put_together, verified
from training.audit.strangers import Strangers, heard
from training.audit.tables import Prior, tabled
from training.checkpoint import load_checkpoint
from training.datasets.window_set import WindowSet
from training.results import summary
from training.retrieval import DistanceOf
from training.seeds import numpy_generator
from training.stages.cover import Learned

NAME = "confusions"

#: Below so many windows there is little to count, and there are many groups of them.
_FEWEST = 8
#: Things that a model says, where it says more than so many.
_MOST_WORDS = 64
#: A model that says no more things than so many for each thing to do says what is done.
_WORDS_A_LABEL = 2
#: People who might be, imagined of each thing to do.
_STRANGERS = 1000
#: How loud a cell is that tells one, in standard deviations of the noise.
_LOUD = 20.0
#: Windows that are mistaken where it is shown that this can be found.
_MISTAKEN = 1 / 3
#: Of the signal's scale: what differs by less is the same.
_SAME = 1e-3


def attack(case: Case) -> Finding:
    """A curve over the numbers of windows of the suite, and over nearly the shortest session's."""
    if case.kind != "weak":
        return _found(case, coordinates(case))
    told = _found(case, coordinates(replace(case, cover=telling(case.raw_attacker()))))
    # Who does but one thing cannot be mistaken in a way of his own.
    if len(case.dataset.labels) < 2:
        return told
    mistaken = _found(case, mistakes(case))
    return min(told, mistaken, key=lambda one: summary(one.curve[-1].identity)["top1"])


def _found(case: Case, said: Coordinates) -> Finding:
    test = case.linked
    book = codebook(said.clean, numpy_generator(case.seed, NAME, "words"))
    few = len(book) <= _WORDS_A_LABEL * len(case.dataset.labels)
    apart, details = (_by_ear if few else _by_count)(case, said, book)
    curve = []
    most = longest(test)
    for count in sorted({most, *(n for n in case.effort.draws if _FEWEST <= n < most)}):
        places = groups(test, count)
        distance = apart(places)
        curve.append(put_together(test, places, distance))
    return Finding(
        attack=NAME,
        cover=case.kind,
        seed=case.seed,
        curve=tuple(curve),
        verification=verified(test, places, distance),
        details={"words": len(book), **details},
    )


#: From groups of windows to how unlikely it is that two of them are of one person.
_Apart = Callable[[NDArray[np.int64]], DistanceOf]


def _by_ear(
    case: Case, said: Coordinates, book: NDArray[np.float64]
) -> tuple[_Apart, dict[str, float]]:
    """By what is likely to be said, where it is what is done, or else something."""
    clean = _words(said.clean, book)
    # He ran the model on them himself, and knows what it would have said without noise.
    most = commonest(said.train.recording, clean)
    known = _by_session(said.train, most, clean, len(book))
    percent_else = 100 * float((clean != most).mean())
    generator = numpy_generator(case.seed, NAME, "people")
    strangers = Strangers.drawn(Prior.learned(known), _STRANGERS, generator)
    noise = said.covered.double().numpy() - book[clean]
    likely = heard(said.seen.double().numpy(), book, noise)
    doing = strangers.doing(case.linked.recording, likely)
    return partial(strangers.apart, doing, likely), {"percent_else": percent_else}


def _by_count(
    case: Case, said: Coordinates, book: NDArray[np.float64]
) -> tuple[_Apart, dict[str, float]]:
    """By how often what is likeliest to be said, whatever is done."""
    size = len(book)
    covered, seen = _words(said.covered, book), _words(said.seen, book)
    prior = Prior.learned(_by_session(said.train, np.zeros_like(covered), covered, size))

    def apart(places: NDArray[np.int64]) -> DistanceOf:
        tables = tabled(np.zeros_like(seen), seen, places, size)
        return lambda some: prior.distances(tables[some], tables)

    return apart, {}


def _words(published: Tensor, book: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest of ``book`` to each of ``published`` ``[N, k]``, int64 ``[N]``."""
    return np.asarray(vq(published.double().numpy(), book)[0], np.int64)


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


def mistakes(case: Case) -> Coordinates:
    """What a model would say that tells what somebody does, and mistakes everybody in his own way.

    Of each thing that a person does it takes one window in three for always the same other thing.
    """
    generator = numpy_generator(case.seed, NAME, "mistakes")
    size = _WORDS_A_LABEL * len(case.dataset.labels)
    others = generator.integers(1, size, (len(case.dataset.subjects), size))

    def clean(windows: WindowSet) -> Tensor:
        label = windows.label
        wrong = generator.random(len(label)) < _MISTAKEN
        said = (label + wrong * others[windows.subject, label]) % size
        return torch.from_numpy(_LOUD * np.eye(size)[said])

    def covered(said: Tensor) -> Tensor:
        return said + torch.from_numpy(generator.normal(size=said.shape))

    train = learned_from(case, generator)
    known = clean(train)
    return Coordinates(
        train=train, clean=known, covered=covered(known), seen=covered(clean(case.linked))
    )


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


def _by_session(
    windows: WindowSet, doing: NDArray[np.int64], words: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """The table of each session of ``windows``."""
    return np.concatenate([tabled(doing, words, own[None], size) for own in in_order(windows)])
