"""Which of some classes a short text belongs to, learned from a few texts of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError
from mmu.reasoning.similarity import Embedder

#: inverse strength of the regularisation: some twenty texts a class say little about 896 numbers
STRENGTH = 3.0


class FewShot:
    """Logistic regression over text embeddings; fitted in a moment, twenty texts a class are enough."""

    def __init__(self, embedder: Embedder, texts: Sequence[str], labels: Sequence[int]) -> None:
        """Learn from texts and the index of the class of each.

        Raises:
            ConfigError: texts and labels do not match, or they are of fewer than two classes.
        """
        if len(texts) != len(labels):
            raise ConfigError(f"{len(texts)} texts with {len(labels)} labels")
        if len(set(labels)) < 2:
            raise ConfigError("examples of at least two classes are needed")
        from sklearn.linear_model import LogisticRegression

        self._embedder = embedder
        vectors = embedder.embed(texts)
        self._mean = vectors.mean(axis=0)
        self._model = LogisticRegression(C=STRENGTH, max_iter=300).fit(vectors - self._mean, labels)

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """(texts, classes) float64, the classes in ascending order of their labels."""
        found = self._model.predict_proba(self._embedder.embed(texts) - self._mean)
        return np.asarray(found, np.float64)

    def classify(self, texts: Sequence[str]) -> list[int]:
        """The most probable label of each text."""
        labels: list[int] = self._model.predict(self._embedder.embed(texts) - self._mean).tolist()
        return labels
