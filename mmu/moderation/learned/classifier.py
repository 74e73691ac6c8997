"""Violating or not, and which violation: kernel ridge regression on the blocks of `features`.

Two regressions share the features. The first tells violating rows from
compliant ones; its out-of-fold scores are turned into probabilities by Platt
scaling. The second, learned from violating rows alone, tells the kinds apart, with what
is known of them beforehand (`kinds`).
A row gets the kind with the greatest probability if that outweighs the
probability of being compliant times `lenience`, a factor chosen on
out-of-fold scores too.
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
from mmu.moderation.learned.kinds import Prior, fit, nearness

#: regularisation of the two regressions
VIOLATION_ALPHA, KIND_ALPHA = 0.7, 2.0
#: rows that are learned from, at most: memory grows with their square (20,000: 3.2 GB)
MAX_ROWS = 20_000
FOLDS = 5
LENIENCE = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8, 1.0)


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
    violation: Linear
    kind: Linear
    kinds: tuple[str, ...]
    #: the likeness rule that describes each kind, where there is one
    described: tuple[str | None, ...]
    prior: Prior
    safe: str
    platt: tuple[float, float]
    lenience: float

    def predict(self, rows: Read) -> list[Prediction]:
        """One prediction a row."""
        if not rows.texts:
            return []
        blocks = self.features.blocks(rows)
        raw = self.violation(stack(blocks, VIOLATION))[:, 0]
        probability = _platt(raw, self.platt)
        near = nearness(rows.likeness, rows.names, self.described)
        shares = self.prior.shares(self.kind(stack(blocks, KIND)), near)
        return [
            Prediction(
                self._label(float(p), share),
                float(p),
                {name: float(p * part) for name, part in zip(self.kinds, share, strict=True)},
            )
            for p, share in zip(probability, shares, strict=True)
        ]

    def _label(self, violating: float, share: Matrix) -> str:
        best = int(np.argmax(share))
        return self.kinds[best] if violating * share[best] > self.lenience * (1.0 - violating) else self.safe


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
    raw, scores = _out_of_fold(first, second, bad, targets, seed)
    rules = tuple((described or {}).get(kind) for kind in kinds)
    near = nearness(rows.likeness, rows.names, rules)
    prior = fit(scores[bad], near[bad], targets[bad])
    line = LogisticRegression(C=1e6).fit(raw[:, None], bad)
    platt = float(line.coef_[0, 0]), float(line.intercept_[0])
    return Classifier(
        features,
        _fit(first, bad[:, None].astype(np.float64), VIOLATION_ALPHA),
        _fit(second.take(bad), targets[bad], KIND_ALPHA),
        kinds,
        rules,
        prior,
        safe,
        platt,
        _choose_lenience(_platt(raw, platt), prior.shares(scores, near), targets, bad),
    )


def _out_of_fold(
    first: Stacked, second: Stacked, bad: NDArray[np.bool_], targets: Matrix, seed: int
) -> tuple[Matrix, Matrix]:
    """Scores of rows by regressions that have not seen them."""
    near, near_kind = first.gram(), second.gram()
    raw, scores = np.zeros(len(bad)), np.zeros_like(targets)
    guilt = bad[:, None].astype(np.float64)
    for seen, unseen in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(bad, bad):
        raw[unseen] = _dual(near, seen, unseen, guilt, VIOLATION_ALPHA)[:, 0]
        scores[unseen] = _dual(near_kind, seen[bad[seen]], unseen, targets, KIND_ALPHA)
    return raw, scores


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


def _choose_lenience(violating: Matrix, shares: Matrix, targets: Matrix, bad: NDArray[np.bool_]) -> float:
    """The factor with the most right labels; of a plateau its middle, for the unseen."""
    best = shares.argmax(axis=1)
    right_kind = targets[np.arange(len(best)), best] > 0
    peak = shares[np.arange(len(best)), best]
    right = []
    for factor in LENIENCE:
        guilty = violating * peak > factor * (1.0 - violating)
        right.append(float(np.mean(np.where(guilty, right_kind, ~bad))))
    near = [factor for factor, value in zip(LENIENCE, right, strict=True) if value >= max(right) - 0.004]
    return float(np.median(near))


def _platt(raw: Matrix, platt: tuple[float, float]) -> Matrix:
    slope, shift = platt
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(slope * raw + shift, -30, 30))))
