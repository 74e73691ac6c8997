"""Which violation: what the rows teach, with what is known of the violations beforehand.

Most violations have a handful of rows. What is known of them without any, how near a text is
to the sentences that describe each (`likeness`), is added to the scores of the regression. Its
weights are the same for all violations (a conditional logit, McFadden 1974): a handful of
numbers, fitted on scores of rows that the regression had not seen, so the frequent violations
teach them and the rare ones gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

Matrix = NDArray[np.float64]

#: brings scores and margins, which are about 0.1 to 0.3, to about 1, so that one pull suits all weights
SCALE = 5.0
#: pull of the weights towards 0
PULL = 0.01


@dataclass(frozen=True, slots=True)
class Prior:
    """How the parts of a score count: one weight each for frequency, regression and nearness by field."""

    #: log of each violation's share of the rows that were learned from
    frequency: Matrix
    weights: Matrix

    def shares(self, scores: Matrix, near: Matrix) -> Matrix:
        """(n, kinds) probabilities that add to 1.

        Args:
            scores: (n, kinds) of the regression.
            near: (n, fields, kinds), of `nearness`.
        """
        return np.asarray(
            softmax(np.tensordot(self.weights, _parts(self.frequency, scores, near), 1), axis=1)
        )


def fit(scores: Matrix, near: Matrix, truth: Matrix) -> Prior:
    """Weights of the greatest likelihood.

    Args:
        scores: (n, kinds) of rows that the regression had not seen.
        near: (n, fields, kinds).
        truth: (n, kinds), 1 where a row has the kind.
    """
    kinds = truth.shape[1]
    frequency = np.log((truth.sum(axis=0) + 0.5) / (len(truth) + 0.5 * kinds))
    parts = _parts(frequency, scores, near)

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        logits = np.tensordot(weights, parts, 1)
        known = log_softmax(logits, axis=1)
        slope = np.exp(known) - truth
        value = -float((known * truth).sum()) / len(truth) + PULL * float(weights @ weights)
        return value, (parts * slope).sum(axis=(1, 2)) / len(truth) + 2 * PULL * weights

    start = np.array([0.5, 1.0, *np.zeros(near.shape[1])])
    return Prior(frequency, np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B").x, np.float64))


def nearness(cosines: Matrix, names: Sequence[str], kinds: Sequence[str | None]) -> Matrix:
    """(n, fields, kinds): how much nearer each field is to a kind's sentences than to ordinary ones.

    Args:
        cosines: (n, fields * (names + 1)), of `Likeness.cosines`, the ordinary side last.
        names: of the likeness rules.
        kinds: the likeness rule of each kind; None where there is none (then it is as near as the mean one).
    """
    fields = cosines.reshape(len(cosines), -1, len(names) + 1)
    margins = fields[:, :, :-1] - fields[:, :, -1:]
    known = [names.index(name) for name in kinds if name in names]
    mean = margins[:, :, known].mean(axis=2) if known else np.zeros(margins.shape[:2])
    return np.stack([margins[:, :, names.index(name)] if name in names else mean for name in kinds], axis=2)


def _parts(frequency: Matrix, scores: Matrix, near: Matrix) -> NDArray[Any]:
    """(2 + fields, n, kinds): what is weighted."""
    first = np.broadcast_to(frequency, scores.shape)
    return np.stack([first, SCALE * scores, *(SCALE * near).swapaxes(0, 1)])
