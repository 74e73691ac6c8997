"""Which of some classes a short text belongs to, from the classes' names alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import kg
from mmu.reasoning.similarity import Embedder

#: concepts below a class whose names describe it too, the nearest to it
EXAMPLES = 16


class ZeroShot:
    """Nearest class by meaning; a class is its name and those of what the graph has below it."""

    def __init__(self, embedder: Embedder, classes: Sequence[str], *, graph: kg.Graph | None = None) -> None:
        """Embed the classes, in any language the encoder knows."""
        graph = graph or kg.load()
        self._embedder = embedder
        rows = []
        taken = {concept for name in classes for concept, _ in graph.by_name(name)}
        for name in classes:
            (own,) = embedder.embed([name])
            parts = [own]
            if below := _below(name, graph, taken):
                # The most typical ones: what is far from the name itself is only by chance below it.
                vectors = embedder.embed(below)
                parts.append(vectors[np.argsort(-(vectors @ own))[:EXAMPLES]].mean(axis=0))
            rows.append(np.mean([part / max(float(np.linalg.norm(part)), 1e-9) for part in parts], axis=0))
        # What all classes share does not tell them apart.
        matrix = np.array(rows) - np.mean(rows, axis=0) * (len(rows) > 2)
        self._classes = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)

    def classify(self, texts: Sequence[str]) -> list[int]:
        """Index of the nearest class of each text."""
        nearest: list[int] = (self._embedder.embed(texts) @ self._classes.T).argmax(axis=1).tolist()
        return nearest


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
