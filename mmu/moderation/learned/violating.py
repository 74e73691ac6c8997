"""Violating or not: three opinions of a row, weighed on rows that none of them had seen.

A regression of the two sides, one of all labels (how much the likeliest violation is ahead of
compliant), and the labels of the rows nearest in meaning. They err on different rows, so that
together they are right more often than the best of them; a logistic regression weighs them and
makes a probability of the sum (Platt scaling, with three scores in place of one).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

Matrix = NDArray[np.float64]

#: rows whose labels are asked for
NEAREST = 15
#: rows that are kept to be asked, evenly from all (15 MB)
KEPT = 5_000
#: brings the opinions, which differ by about 0.2 between rows, to about 1, and the pull of the weights to 0
SCALE, PULL = 5.0, 0.3


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Rows that were learned from."""

    #: (fields, n, width), L2-normalised
    meaning: NDArray[np.float16]
    #: (n,)
    bad: NDArray[np.bool_]

    @classmethod
    def of(cls, meaning: NDArray[Any], bad: NDArray[np.bool_]) -> Neighbours:
        """Of all rows, or of `KEPT` of them."""
        kept = np.linspace(0, len(bad) - 1, min(len(bad), KEPT)).astype(np.intp)
        return cls(meaning[:, kept].astype(np.float16), bad[kept])

    def share(self, meaning: NDArray[Any]) -> Matrix:
        """(m,): how many of the nearest rows violate, by the mean cosine of the fields.

        Args:
            meaning: (fields, m, width), L2-normalised.
        """
        kept = self.meaning.astype(np.float32)
        near = sum(a.astype(np.float32) @ b.T for a, b in zip(meaning, kept, strict=True))
        first = np.argsort(-np.asarray(near), axis=1, kind="stable")[:, :NEAREST]
        return np.asarray(self.bad[first].mean(axis=1), np.float64)


@dataclass(frozen=True, slots=True)
class Weighing:
    """Weights of the three opinions, and what is added."""

    weights: tuple[float, float, float]
    bias: float

    def __call__(self, opinions: Matrix) -> Matrix:
        """(n,) probabilities of violating."""
        return np.asarray(expit(SCALE * opinions @ np.array(self.weights) + self.bias))


def opinions(scores: Matrix, near: Matrix) -> Matrix:
    """(n, 3).

    Args:
        scores: (n, 2 + kinds) of the regressions: violating, compliant, each kind.
        near: (n,), of `Neighbours.share`.
    """
    return np.stack([scores[:, 0], scores[:, 2:].max(axis=1) - scores[:, 1], near], axis=1)


def weigh(seen: Matrix, bad: NDArray[np.bool_]) -> Weighing:
    """Fit the weights.

    Args:
        seen: (n, 3) opinions of rows by those who have not seen them.
        bad: (n,), which of them violate.
    """
    line = LogisticRegression(C=PULL).fit(SCALE * seen, bad)
    first, second, third = (float(weight) for weight in line.coef_[0])
    return Weighing((first, second, third), float(line.intercept_[0]))
