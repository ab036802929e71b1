"""Tables of what was said of whom, counted, and whether two of them are of one person.

Each row of a table, one for everything that people do, holds how often each thing was said. People
are taken to differ in how likely each is, as a Dirichlet distribution says; given who it is, every
word falls for itself. So the numbers of a row are Dirichlet-multinomial, and that two tables are of
one person rather than of two is as likely as the ratio of their marginal likelihoods (the Bayes
factor; Good, "The Bayes/Non-Bayes Compromise", JASA 1992; Minka, "Estimating a Dirichlet
distribution", 2000).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln  # type: ignore[import-untyped]

#: How alike people may be, in words that a prior is worth a row; learned from them.
_STRENGTHS = tuple(0.25 * 2**k for k in range(14))


def tabled(
    rows: NDArray[np.int64], words: NDArray[np.int64], places: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """The table of each group, int64 ``[G, size, size]``.

    ``rows`` and ``words`` int64 ``[N]``: what each window does and what is said of it, below
    ``size``; ``places`` ``[G, K]``: the windows of the groups.
    """
    groups = len(places)
    cells = (np.arange(groups)[:, None] * size + rows[places]) * size + words[places]
    counted = np.bincount(cells.reshape(-1), minlength=groups * size * size)
    return counted.reshape(groups, size, size)


@dataclass(frozen=True)
class Prior:
    """What is known of people before anything was seen: ``weights`` float64 ``[S, S]``, over 0."""

    weights: NDArray[np.float64]

    @classmethod
    def learned(cls, tables: NDArray[np.int64]) -> "Prior":
        """From the ``tables`` ``[P, S, S]`` of known people, under which they are the likeliest."""
        total = tables.sum(axis=0) + 1 / tables.shape[1]
        mean = total / total.sum(axis=1, keepdims=True)
        return max(
            (cls(strength * mean) for strength in _STRENGTHS),
            key=lambda prior: float(prior.likelihood(tables).sum()),
        )

    def likelihood(self, tables: NDArray[np.int64]) -> NDArray[np.float64]:
        """Logarithm of the marginal likelihood of each of the ``tables`` ``[G, S, S]``: ``[G]``."""
        counts = _counts(tables)
        terms = self._terms(int(counts.max(initial=0)))
        found: NDArray[np.float64] = terms[np.arange(len(terms)), counts].sum(axis=1)
        return found

    def distances(
        self, some: NDArray[np.int64], all_of_them: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """How unlikely it is that tables are of one person, ``[Q, G]``: minus the log Bayes factor.

        Of each of the tables ``some`` ``[Q, S, S]`` with each of ``all_of_them`` ``[G, S, S]``.
        """
        one, other = _counts(some), _counts(all_of_them)
        terms = self._terms(int(one.max(initial=0) + other.max(initial=0)))
        apart = np.zeros((len(one), len(other)))
        # Where the one or the other has none, a number says nothing of whose the other's are.
        for cell in np.flatnonzero(one.any(axis=0) & other.any(axis=0)):
            first, second, term = one[:, cell, None], other[None, :, cell], terms[cell]
            apart += term[first] + term[second] - term[first + second]
        return apart

    def _terms(self, most: int) -> NDArray[np.float64]:
        """What each number up to ``most`` of each of :func:`_counts` adds, ``[C, most + 1]``."""
        cells = self.weights.reshape(-1, 1)
        rows = self.weights.sum(axis=1)[:, None]
        numbers = np.arange(most + 1)
        return np.concatenate(
            [
                gammaln(cells + numbers) - gammaln(cells),
                gammaln(rows) - gammaln(rows + numbers),
            ]
        )


def _counts(tables: NDArray[np.int64]) -> NDArray[np.int64]:
    """The cells of each of ``tables`` and the sums of its rows, ``[G, C]``."""
    cells = tables.reshape(len(tables), -1)
    return np.concatenate([cells, tables.sum(axis=2)], axis=1)
