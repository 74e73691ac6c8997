"""Violating or not, and which violation: kernel ridge regression on the blocks of `features`.

Two regressions share the features. The first, of the two sides and of all labels, tells violating
rows from compliant ones, together with the rows nearest in meaning (`violating`). The
second, learned from violating rows alone, tells the kinds apart, with what is known of them
beforehand (`kinds`). A row gets the likeliest kind if that is more often right than "compliant"
is, by a logistic regression on out-of-fold scores too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from mmu.errors import ConfigError
from mmu.moderation.learned.features import KIND, VIOLATION, Features, Matrix, Read, Stacked, stack
from mmu.moderation.learned.kinds import Known, Prior, fit, hits, nearness
from mmu.moderation.learned.violating import SCALE, Neighbours, Weighing, opinions, weigh

#: regularisation of the two regressions
VIOLATION_ALPHA, KIND_ALPHA = 0.7, 2.0
#: rows that are learned from, at most: memory grows with their square (20,000: 3.2 GB)
MAX_ROWS = 20_000
FOLDS = 5

#: weights of the regression of the two sides and of the log share of the likeliest kind, and what is added
Choice = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the classifier says of one video.

    `violating` is a calibrated probability; `kinds` gives each violation's share of it.
    """

    label: str
    violating: float
    kinds: dict[str, float]


@dataclass(slots=True)
class Linear:
    """Weights and what is added: `x @ weights + bias`."""

    weights: NDArray[np.float32]
    bias: Matrix

    def __call__(self, x: Stacked) -> Matrix:
        return x.times(self.weights) + self.bias


@dataclass(slots=True)
class Classifier:
    """A trained classifier; `train` makes one, `store.load` reads one."""

    features: Features
    #: of violating, compliant, and each kind
    violation: Linear
    kind: Linear
    kinds: tuple[str, ...]
    #: the likeness rule that describes each kind, where there is one
    described: tuple[str | None, ...]
    prior: Prior
    safe: str
    neighbours: Neighbours
    weighing: Weighing
    #: above 0, a row gets the likeliest kind
    choice: Choice

    def predict(self, rows: Read) -> list[Prediction]:
        """One prediction a row."""
        if not rows.texts:
            return []
        blocks = self.features.blocks(rows)
        near = self.neighbours.share(rows.meaning)
        told = opinions(self.violation(stack(blocks, VIOLATION)), near)
        probability = self.weighing(told)
        shares = self.prior.shares(self.kind(stack(blocks, KIND)), _known(rows, self.described))
        sides = _side_and_share(told, shares) @ np.array(self.choice[:2]) + self.choice[2]
        return [
            Prediction(
                self.kinds[int(np.argmax(share))] if side > 0 else self.safe,
                float(p),
                {name: float(p * part) for name, part in zip(self.kinds, share, strict=True)},
            )
            for p, share, side in zip(probability, shares, sides, strict=True)
        ]


def train(
    rows: Read,
    labels: Sequence[str],
    safe: str,
    *,
    described: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Classifier:
    """Learn from labelled rows.

    Args:
        rows: from `features.read`.
        labels: one a row.
        safe: the label of compliant rows.
        described: label -> the likeness rule whose sentences describe it (`Policy.described`).
        seed: of the folds that calibrate.

    Raises:
        ConfigError: fewer than ten rows of either side, or more than `MAX_ROWS`.
    """
    if len(labels) > MAX_ROWS:
        raise ConfigError(f"{len(labels)} rows are too many: at most {MAX_ROWS}, for instance the latest")
    y = np.array(labels)
    bad = y != safe
    if min(bad.sum(), (~bad).sum()) < 10:
        raise ConfigError(
            f"at least ten violating and ten compliant rows are needed, not {bad.sum()} and {(~bad).sum()}"
        )
    kinds = tuple(sorted(set(y[bad].tolist())))
    targets = (y[:, None] == np.array(kinds)[None, :]).astype(np.float64)
    features = Features().fit(rows)
    blocks = features.blocks(rows)
    first, second = stack(blocks, VIOLATION), stack(blocks, KIND)
    sides = np.concatenate([bad[:, None], ~bad[:, None], targets], axis=1).astype(np.float64)
    told, scores = _out_of_fold(rows, first, second, sides, seed)
    rules = tuple((described or {}).get(kind) for kind in kinds)
    known = _known(rows, rules)
    prior = fit(scores[bad], _known(rows.take(np.flatnonzero(bad)), rules), targets[bad])
    weighing = weigh(told, bad)
    return Classifier(
        features,
        _fit(first, sides, VIOLATION_ALPHA),
        _fit(second.take(bad), targets[bad], KIND_ALPHA),
        kinds,
        rules,
        prior,
        safe,
        Neighbours.of(rows.meaning, bad),
        weighing,
        _fit_choice(told, prior.shares(scores, known), targets, bad),
    )


def _out_of_fold(
    rows: Read, first: Stacked, second: Stacked, sides: Matrix, seed: int
) -> tuple[Matrix, Matrix]:
    """Opinions of rows, and scores of their kinds, by those that have not seen them."""
    near, near_kind = first.gram(), second.gram()
    bad, targets = sides[:, 0] > 0, sides[:, 2:]
    told, scores = np.zeros((len(bad), 3)), np.zeros_like(targets)
    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(bad, bad):
        share = Neighbours.of(rows.meaning[:, seen], bad[seen]).share(rows.meaning[:, unseen])
        told[unseen] = opinions(_dual(near, seen, unseen, sides, VIOLATION_ALPHA), share)
        scores[unseen] = _dual(near_kind, seen[bad[seen]], unseen, targets, KIND_ALPHA)
    return told, scores


def _dual(gram: Matrix, seen: NDArray[Any], unseen: NDArray[Any], y: Matrix, alpha: float) -> Matrix:
    bias: Matrix = y[seen].mean(axis=0)
    ridge = KernelRidge(alpha=alpha, kernel="precomputed").fit(gram[np.ix_(seen, seen)], y[seen] - bias)
    found: Matrix = np.asarray(ridge.predict(gram[np.ix_(unseen, seen)])).reshape(len(unseen), -1)
    return found + bias


def _fit(x: Stacked, y: Matrix, alpha: float) -> Linear:
    bias = y.mean(axis=0)
    ridge = KernelRidge(alpha=alpha, kernel="precomputed").fit(x.gram(), y - bias)
    weights = x.weights(np.asarray(ridge.dual_coef_).reshape(len(y), -1))
    return Linear(weights.astype(np.float32), bias)


def _known(rows: Read, described: Sequence[str | None]) -> Known:
    return Known(nearness(rows.likeness, rows.names, described), hits(rows.rules, rows.names, described))


def _fit_choice(told: Matrix, shares: Matrix, targets: Matrix, bad: NDArray[np.bool_]) -> Choice:
    """Of the rows that "compliant" or the likeliest kind gets right, which of the two does."""
    right = targets[np.arange(len(targets)), shares.argmax(axis=1)] > 0
    if not right.any():  # nothing to learn from: the likelier one
        return 1.0, 1.0, -SCALE / 2
    plain = ~bad | right
    line = LogisticRegression().fit(_side_and_share(told, shares)[plain], bad[plain])
    return float(line.coef_[0, 0]), float(line.coef_[0, 1]), float(line.intercept_[0])


def _side_and_share(told: Matrix, shares: Matrix) -> Matrix:
    """(n, 2): what the regression of the two sides says, the log share of the likeliest kind."""
    return np.stack([SCALE * told[:, 0], np.log(shares.max(axis=1))], axis=1)
