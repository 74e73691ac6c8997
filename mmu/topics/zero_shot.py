"""Which of some classes a short text belongs to, from the classes' names alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import kg
from mmu.reasoning.similarity import Embedder

#: concepts below a class whose names describe it too, the nearest to it
EXAMPLES = 16
#: names below a class that a text is compared with one by one: the nearest to the text
NEAREST = 5


class ZeroShot:
    """Nearest class by meaning; a class is its name and those of what the graph has below it."""

    def __init__(self, embedder: Embedder, classes: Sequence[str], *, graph: kg.Graph | None = None) -> None:
        """Embed the classes, in any language the encoder knows."""
        graph = graph or kg.load()
        self._embedder = embedder
        taken = {concept for name in classes for concept, _ in graph.by_name(name)}
        own = embedder.embed(list(classes))
        # A class without anything below it in the graph is described by its name alone.
        below = [embedder.embed(_below(name, graph, taken) or [name]) for name in classes]
        # The most typical ones: what is far from the name itself is only by chance below it.
        typical = [
            rows[np.argsort(-(rows @ one))[:EXAMPLES]].mean(axis=0)
            for one, rows in zip(own, below, strict=True)
        ]
        described = _unit(own) + _unit(np.array(typical))
        # What all classes share does not tell them apart.
        self._classes = _unit(described - described.mean(axis=0) * (len(classes) > 2))
        shared = np.concatenate(below).mean(axis=0) * (len(classes) > 2)
        self._below = [_unit(rows - shared) for rows in below]

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(texts, classes) float32: nearness to the class as a whole plus that to its nearest parts."""
        vectors = self._embedder.embed(texts)
        parts = [np.sort(vectors @ rows.T, axis=1)[:, -NEAREST:].mean(axis=1) for rows in self._below]
        return np.asarray(vectors @ self._classes.T + np.stack(parts, axis=1), np.float32)

    def classify(self, texts: Sequence[str]) -> list[int]:
        """Index of the nearest class of each text."""
        nearest: list[int] = self.scores(texts).argmax(axis=1).tolist()
        return nearest


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9), np.float32)


def _below(name: str, graph: kg.Graph, taken: set[str]) -> list[str]:
    """Other names of the concepts that the class names, and names of those up to two steps below.

    `taken` are the concepts of all classes: what is below another class is that one's.
    """
    level = {concept for concept, _ in graph.by_name(name)}
    own = {alias.text for one in level for alias in graph.concepts[one].aliases if alias.language == "zh"}
    seen = set(level) | taken
    found = sorted(own - {name})
    for _ in range(2):
        level = {
            one.id
            for one in graph.concepts.values()
            if one.id not in seen and not level.isdisjoint({*one.is_a, *one.part_of, *one.implies})
        }
        seen |= level
        found += sorted(graph.concepts[one].zh for one in level)
    return found
