"""Gradient-boosted trees: grown by scikit-learn, kept and run as plain arrays (no pickle)."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError

_FORMAT = "mmu.trees/1"


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """A sum of binary trees over (n, features) float32; NaN goes where training sent it."""

    base: float
    #: (trees,) int64 first node of each tree
    roots: NDArray[np.int64]
    #: (nodes,) each: feature asked, threshold (not above: left), children, value of a leaf
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    missing_left: NDArray[np.bool_]
    leaf: NDArray[np.bool_]
    value: NDArray[np.float64]

    def score(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n,) probabilities."""
        total = np.full(len(rows), self.base)
        for root in self.roots:
            at = np.full(len(rows), root)
            while not (done := self.leaf[at]).all():
                values = rows[np.arange(len(rows)), self.feature[at]]
                to_left = np.where(np.isnan(values), self.missing_left[at], values <= self.threshold[at])
                at = np.where(done, at, np.where(to_left, self.left[at], self.right[at]))
            total += self.value[at]
        return np.asarray(1 / (1 + np.exp(-total)))

    def save(self, path: Path, facts: str) -> None:
        """Write as `.npz`, with a text of the caller's."""
        arrays = {name: getattr(self, name) for name in self.__slots__ if name != "base"}
        with path.open("wb") as file:
            np.savez_compressed(file, format=_FORMAT, facts=facts, base=self.base, **arrays)

    @classmethod
    def load(cls, path: Path) -> tuple[Self, str]:
        """What `save` wrote, and the caller's text.

        Raises:
            ConfigError: the file cannot be read or is no model.
        """
        try:
            with np.load(path, allow_pickle=False) as data:
                if str(data["format"]) != _FORMAT:
                    raise ValueError(f"format {data['format']}")
                arrays = {name: data[name] for name in cls.__slots__ if name != "base"}
                return cls(base=float(data["base"]), **arrays), str(data["facts"])
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise ConfigError(f"{path} is no model of `mmu interest fit`: {error}") from error


def grow(rows: NDArray[np.float32], labels: NDArray[np.bool_]) -> Trees:
    """Fit trees to (n, features) float32 and (n,) bool labels of both kinds."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    # A column that never varies cannot be binned and has nothing to say.
    telling = [at for at, column in enumerate(rows.T) if len(np.unique(column[np.isfinite(column)])) > 1]
    telling = telling or [0]
    known = rows[:, telling] if np.isfinite(rows[:, telling]).any() else np.zeros((len(rows), 1), np.float32)
    model = HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.06,
        max_leaf_nodes=15,
        min_samples_leaf=max(5, min(40, len(rows) // 50)),
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    ).fit(known, labels)
    parts, roots, size = [], [], 0
    for (predictor,) in model._predictors:
        nodes = predictor.nodes.copy()
        nodes["left"] += size
        nodes["right"] += size
        roots.append(size)
        size += len(nodes)
        parts.append(nodes)
    joined = np.concatenate(parts)
    return Trees(
        base=float(np.ravel(model._baseline_prediction)[0]),
        roots=np.array(roots, np.int64),
        feature=np.array(telling, np.int64)[joined["feature_idx"].astype(np.int64)],
        threshold=joined["num_threshold"].astype(np.float64),
        left=joined["left"].astype(np.int64),
        right=joined["right"].astype(np.int64),
        missing_left=joined["missing_go_to_left"].astype(bool),
        leaf=joined["is_leaf"].astype(bool),
        value=joined["value"].astype(np.float64),
    )
