"""People who might be: whether two groups of windows are of one, by words that are hard to hear.

As with :mod:`training.audit.tables` people differ in how likely each thing is to be said of them,
as a Dirichlet distribution says. Under noise a word cannot be counted, it is only more or less
likely, and the marginal likelihood has no closed form: it is the mean over people drawn from the
prior (simple Monte Carlo; Kass and Raftery, "Bayes factors", JASA 1995, Sec. 4.2).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.audit.tables import Prior
from training.retrieval import DistanceOf

#: Of the likeliest word's: no word is less likely, so that no window alone decides.
_LEAST = 1e-12
#: Of the largest coordinate: noise that is smaller is rounding.
_ROUNDING = 1e-3


def heard(
    points: NDArray[np.float64], book: NDArray[np.float64], noise: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How likely each word is what was said, ``[N, S]``, the likeliest 1.

    ``points`` ``[N, k]`` are what was published, ``book`` ``[S, k]`` the words; ``noise``
    ``[M, k]``: some draws of what lies over them, taken for normal.
    """
    least = _ROUNDING * max(float(np.abs(book).max(initial=0)), 1e-12)
    covariance = noise.T @ noise / len(noise) + least**2 * np.eye(book.shape[1])
    white = np.linalg.inv(np.linalg.cholesky(covariance)).T
    here, words = points @ white, book @ white
    # What a point has in common with all words tells none from another.
    likely = here @ words.T - (words**2).sum(axis=1) / 2
    likely -= likely.max(axis=1, keepdims=True)
    found: NDArray[np.float64] = np.maximum(np.exp(likely), _LEAST)
    return found


@dataclass(frozen=True)
class Strangers:
    """``said`` float64 ``[S, M, S]``: of each row (what is done) how likely each word, of M."""

    said: NDArray[np.float64]

    @classmethod
    def drawn(cls, prior: Prior, count: int, generator: np.random.Generator) -> "Strangers":
        """``count`` people, as ``prior`` expects them."""
        return cls(np.stack([generator.dirichlet(row, count) for row in prior.weights]))

    def doing(self, recording: NDArray[np.int64], likely: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which row each of the ``N`` windows is of: its recording's likeliest, int64 ``[N]``."""
        _, which = np.unique(recording, return_inverse=True)
        found = np.zeros((which.max() + 1, len(self.said)))
        np.add.at(found, which, np.log(likely @ self.said.mean(axis=1).T))
        best: NDArray[np.int64] = found.argmax(axis=1)[which]
        return best

    def apart(
        self,
        rows: NDArray[np.int64],
        likely: NDArray[np.float64],
        places: NDArray[np.int64],
    ) -> DistanceOf:
        """How unlikely it is that two groups are of one person: minus the log Bayes factor.

        ``rows`` ``[N]`` and ``likely`` ``[N, S]``: what each window does and, as :func:`heard` has
        it, what is said of it; ``places`` ``[G, K]``: the windows of the groups.
        """
        of, said = rows[places], likely[places]
        fits = [self._fits(row, of == row, said) for row in range(len(self.said))]

        def distance(some: NDArray[np.int64]) -> NDArray[np.floating]:
            together = np.zeros((len(some), len(places)))
            for fit in fits:
                alike = fit[some] @ fit.T / fit.shape[1]
                together -= np.log(np.maximum(alike, np.finfo(np.float64).tiny))
            return together

        return distance

    def _fits(
        self, row: int, own: NDArray[np.bool_], likely: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """How well the windows of a ``row`` fit each person, ``[G, M]``, on average 1.

        ``own`` ``[G, K]`` says which of the windows ``likely`` ``[G, K, S]`` are of that row.
        """
        fit = np.zeros((len(own), self.said.shape[1]))
        for group in np.flatnonzero(own.any(axis=1)):
            fit[group] = np.log(likely[group, own[group]] @ self.said[row].T).sum(axis=0)
        fit = np.exp(fit - fit.max(axis=1, keepdims=True))
        found: NDArray[np.float64] = fit / fit.mean(axis=1, keepdims=True)
        return found
