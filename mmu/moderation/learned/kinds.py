"""Which violation: what the rows teach, with what is known of the violations beforehand.

Most violations have a handful of rows. What is known of them without any, how near a text is
to the sentences that describe each (`likeness`) and whether the policy's rules find words of it,
is added to the scores of the regression. Its weights are the same for all violations (a
conditional logit, McFadden 1974): a handful of numbers, fitted on scores of rows that the
regression had not seen, so the frequent violations teach them and the rare ones gain.
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
#: the same for the confidence of rules, which is about 0.5
RULES_SCALE = 2.0
#: pull of the weights towards 0
PULL = 0.01


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of rows beforehand, by kind."""

    #: (n, fields, kinds), of `nearness`
    near: Matrix
    #: (n, kinds), of `hits`
    rules: Matrix


@dataclass(frozen=True, slots=True)
class Prior:
    """How the parts of a score count: a weight for frequency, regression, nearness by field, rules."""

    #: log of each violation's share of the rows that were learned from
    frequency: Matrix
    weights: Matrix

    def shares(self, scores: Matrix, known: Known) -> Matrix:
        """(n, kinds) probabilities that add to 1.

        Args:
            scores: (n, kinds) of the regression.
            known: of the same rows.
        """
        return np.asarray(
            softmax(np.tensordot(self.weights, _parts(self.frequency, scores, known), 1), axis=1)
        )


def fit(scores: Matrix, known: Known, truth: Matrix) -> Prior:
    """Weights of the greatest likelihood.

    Args:
        scores: (n, kinds) of rows that the regression had not seen.
        known: of the same rows.
        truth: (n, kinds), 1 where a row has the kind.
    """
    kinds = truth.shape[1]
    frequency = np.log((truth.sum(axis=0) + 0.5) / (len(truth) + 0.5 * kinds))
    parts = _parts(frequency, scores, known)

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        logits = np.tensordot(weights, parts, 1)
        likely = log_softmax(logits, axis=1)
        slope = np.exp(likely) - truth
        value = -float((likely * truth).sum()) / len(truth) + PULL * float(weights @ weights)
        return value, (parts * slope).sum(axis=(1, 2)) / len(truth) + 2 * PULL * weights

    start = np.zeros(len(parts))
    start[:2] = 0.5, 1.0  # of frequency and regression
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


def hits(rules: Matrix, names: Sequence[str], kinds: Sequence[str | None]) -> Matrix:
    """(n, kinds): the confidence of the rules in each kind; 0 where no likeness rule leads to its category.

    Args:
        rules: (n, names), of `rules.confidences`.
        names: of the likeness rules.
        kinds: the likeness rule of each kind.
    """
    nothing = np.zeros(len(rules))
    return np.stack([rules[:, names.index(name)] if name in names else nothing for name in kinds], axis=1)


def _parts(frequency: Matrix, scores: Matrix, known: Known) -> NDArray[Any]:
    """(2 + fields + 1, n, kinds): what is weighted."""
    first = np.broadcast_to(frequency, scores.shape)
    near = (SCALE * known.near).swapaxes(0, 1)
    return np.stack([first, SCALE * scores, *near, RULES_SCALE * known.rules])
