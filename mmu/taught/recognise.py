"""Taught concepts in use: nodes beside those of the shipped graph, and what a video shows of them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import exp, log

from kg import Alias, Concept, Graph
from mmu.reasoning.similarity import Embedder
from mmu.signals import Signal, SignalSet
from mmu.taught.learn import PRIOR, Prototype
from mmu.taught.spaces import Example, Space, signal_example, text_example
from mmu.taught.store import TaughtConcept

logger = logging.getLogger(__name__)

#: evidence of one space from which it is worth a signal, as a probability
WORTH = 0.3
#: stage -> the space of the vectors that its network gives
SPACE_OF: dict[str, Space] = {"labels": "picture", "faces": "face"}
#: P(a broader concept fits | the taught one does)
IS_A = 0.95


def with_taught(graph: Graph, concepts: Sequence[TaughtConcept]) -> Graph:
    """The graph with a node for every taught concept that is not one of its own; it is not changed itself."""
    nodes = {one.concept: _node(one, graph) for one in concepts if one.new}
    return Graph({**graph.concepts, **nodes}, graph.labels, graph.guards) if nodes else graph


def _node(one: TaughtConcept, graph: Graph) -> Concept:
    parents = {parent: IS_A for parent in one.is_a if parent in graph}
    vertical = next((graph.concepts[parent].vertical for parent in parents), None)
    language = "en" if one.name.isascii() else "zh"
    return Concept(
        id=one.concept,
        zh=one.name,
        en=one.name,
        facet=one.facet,
        vertical=vertical,
        aliases=(Alias(one.name, language, 1.0),),  # type: ignore[arg-type]
        is_a=parents,
        source="taught",
    )


@dataclass(frozen=True, slots=True)
class Taught:
    """Prototypes of all taught concepts, ready for one video or text after another."""

    concepts: tuple[tuple[TaughtConcept, dict[Space, Prototype]], ...]
    embedder: Embedder | None

    @classmethod
    def of(
        cls, concepts: Sequence[TaughtConcept], embedder: Embedder | None, *, without: Collection[Space] = ()
    ) -> Taught:
        """Unpack the prototypes once.

        Args:
            concepts: what was taught.
            embedder: of words.
            without: spaces whose vectors come from another network than that of the examples; a
                concept is then recognised by the others alone.
        """
        prototypes = [
            {space: prototype for space, prototype in one.prototypes.items() if space not in without}
            for one in concepts
        ]
        for one, left in zip(concepts, prototypes, strict=True):
            if len(left) < len(one.spaces):
                logger.warning(
                    "taught concept %r: its %s come from another network and are not used",
                    one.name,
                    " and ".join(sorted(one.spaces.keys() - left.keys())),
                )
        return cls(tuple(zip(concepts, prototypes, strict=True)), embedder)

    def add_to(self, signals: SignalSet, *, title: str = "") -> SignalSet:
        """The same signals, and a `taught.match` for every space in which a concept is recognised."""
        words = self.embedder if self._needs_words else None
        shown = signal_example(signals, words)
        added = self._matches(shown, "")
        if title.strip() and words is not None:
            added += self._matches(text_example(title, words), "title")
        return SignalSet([*signals, *added]) if added else signals

    def in_text(self, text: str) -> list[Signal]:
        """What a text without a video shows of the taught concepts, as the user's words."""
        words = self.embedder if self._needs_words else None
        return self._matches(text_example(text, words), "title")

    @property
    def _needs_words(self) -> bool:
        return any("words" in prototypes for _, prototypes in self.concepts)

    def _matches(self, example: Example, space_of_words: str) -> list[Signal]:
        found: list[Signal] = []
        for one, prototypes in self.concepts:
            for space, prototype in prototypes.items():
                rows = example.vectors.get(space)
                if rows is None:
                    continue
                ratio, best = prototype.evidence(rows)
                score = _probability(ratio)
                if score < WORTH:
                    continue
                found.append(
                    Signal(
                        "taught.match",
                        one.name,
                        round(score, 4),
                        example.spans[space][best],
                        f"taught:{one.name}",
                        attributes={
                            "concept": one.concept,
                            "space": space_of_words or space,
                            "evidence": round(ratio, 3),
                        },
                    )
                )
        return found


def _probability(ratio: float) -> float:
    """Probability of a concept from the log-likelihood ratio of one space."""
    return 1 / (1 + exp(-(ratio + log(PRIOR / (1 - PRIOR)))))
