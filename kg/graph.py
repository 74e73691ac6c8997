"""`Graph`: concepts, their weighted relations, and the label maps, in memory and immutable."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from kg.errors import GraphError
from kg.linker import Linker, Mention, normalise

if TYPE_CHECKING:
    from networkx import DiGraph

Facet = Literal["element", "scene", "person", "action", "language", "emotion", "music", "style", "topic"]
Relation = Literal["is_a", "implies", "part_of", "used_in", "co_occurs"]

#: The nine facets of a tag.
FACETS: tuple[str, ...] = get_args(Facet)
#: Relations along which belief in a concept supports another one.
FORWARD: tuple[Relation, ...] = ("is_a", "implies")


class Alias(NamedTuple):
    """One way to write a concept. `weight` is P(this concept is meant | these words are read)."""

    text: str
    language: Literal["zh", "en"]
    weight: float


class Edge(NamedTuple):
    """`weight` is P(target is a fitting tag | the source concept is one)."""

    target: str
    relation: Relation
    weight: float


class Step(NamedTuple):
    """One step of a path. `forward` is False when the edge is walked from its target to its source."""

    source: str
    relation: Relation
    target: str
    weight: float
    forward: bool


@dataclass(frozen=True, slots=True)
class Concept:
    """One node. Every mapping goes from concept id to weight in (0, 1].

    `vertical` is the topic concept under which the concept is filed, None
    where it belongs to no one topic. `taggable` is False for nodes that only
    give structure and are too abstract for a tag. `source` is the file.
    """

    id: str
    zh: str
    en: str
    facet: Facet
    vertical: str | None
    aliases: tuple[Alias, ...]
    is_a: dict[str, float] = field(default_factory=dict)
    implies: dict[str, float] = field(default_factory=dict)
    excludes: tuple[str, ...] = ()
    part_of: dict[str, float] = field(default_factory=dict)
    used_in: dict[str, float] = field(default_factory=dict)
    co_occurs: dict[str, float] = field(default_factory=dict)
    opposite: str | None = None
    taggable: bool = True
    source: str = ""

    def name(self, language: str = "en") -> str:
        """The display name: Chinese for `zh`, English for anything else."""
        return self.zh if language == "zh" else self.en

    def relation(self, relation: Relation) -> dict[str, float]:
        """Target id -> weight of one relation."""
        targets: dict[str, float] = getattr(self, relation)
        return targets


class Graph:
    """Concepts by id, with the queries that reasoning needs. Build it with `kg.load()`.

    `labels` maps vocabulary -> label -> [(concept id, weight)], where the
    weight is P(the concept is a fitting tag | the model is right about the label).
    """

    def __init__(
        self,
        concepts: Mapping[str, Concept],
        labels: Mapping[str, Mapping[str, list[tuple[str, float]]]] | None = None,
        guards: tuple[str, ...] = (),
    ) -> None:
        self.concepts: dict[str, Concept] = dict(concepts)
        self.labels: dict[str, dict[str, list[tuple[str, float]]]] = {
            vocabulary: dict(entries) for vocabulary, entries in (labels or {}).items()
        }
        self.guards = guards
        self._reach: dict[tuple[str, int], tuple[tuple[float, tuple[str, ...]], ...]] = {}

    def __contains__(self, concept: object) -> bool:
        return concept in self.concepts

    def __len__(self) -> int:
        return len(self.concepts)

    def concept(self, concept: str) -> Concept:
        """The concept of this id. Raises GraphError where there is none."""
        try:
            return self.concepts[concept]
        except KeyError:
            raise GraphError(f"unknown concept {concept!r}; `mmu kg search` finds ids by name") from None

    def label(self, vocabulary: str, label: str) -> list[tuple[str, float]]:
        """Concepts of a model's label, strongest first.

        A label that the map of its vocabulary lacks (or a vocabulary without
        map) is looked up as a concept id, then as a name; empty if unknown.
        """
        mapped = self.labels.get(vocabulary, {}).get(label)
        if mapped is not None:
            return mapped
        concept = label.strip().casefold().replace(" ", "_").replace("-", "_")
        if concept in self.concepts:
            return [(concept, 0.9)]
        return self.by_name(label.replace("_", " "))

    def by_name(self, name: str) -> list[tuple[str, float]]:
        """Concepts that carry exactly this name or alias (any case, script and width), best first."""
        return self._names.get(normalise(name), [])

    def parents(self, concept: str) -> list[str]:
        """Direct `is_a` targets."""
        return list(self.concept(concept).is_a)

    def children(self, concept: str) -> list[str]:
        """Concepts that are directly a kind of this one."""
        self.concept(concept)
        return self._children.get(concept, [])

    def ancestors(self, concept: str) -> dict[str, float]:
        """Every concept above along `is_a` -> product of weights on the strongest way up."""
        found: dict[str, float] = {}
        queue = [(concept, 1.0)]
        while queue:
            node, weight = queue.pop()
            for parent, step in self.concept(node).is_a.items():
                if weight * step > found.get(parent, 0.0):
                    found[parent] = weight * step
                    queue.append((parent, weight * step))
        return found

    def is_a(self, concept: str, ancestor: str) -> bool:
        """Whether `concept` is `ancestor` or a kind of it."""
        return concept == ancestor or ancestor in self.ancestors(concept)

    def edges(self, concept: str, relations: tuple[Relation, ...] = FORWARD) -> list[Edge]:
        """Outgoing edges of these relations; by default those along which belief flows."""
        node = self.concept(concept)
        return [
            Edge(target, relation, weight)
            for relation in relations
            for target, weight in node.relation(relation).items()
        ]

    def reach(self, concept: str, max_steps: int) -> tuple[tuple[float, tuple[str, ...]], ...]:
        """Where belief in a concept flows along `is_a` and `implies`, in at most so many steps.

        Returns:
            For the concept itself and every other one reached: the product of the weights on the best way,
            and the concepts on it, without the start.
        """
        found = self._reach.get((concept, max_steps))
        if found is None:
            best: dict[str, tuple[float, tuple[str, ...]]] = {concept: (1.0, ())}
            frontier = [(concept, *best[concept])]
            for _ in range(max_steps):
                reached = []
                for current, weight, way in frontier:
                    for edge in self.edges(current):
                        if weight * edge.weight > best.get(edge.target, (0.0,))[0]:
                            best[edge.target] = (weight * edge.weight, (*way, edge.target))
                            reached.append((edge.target, *best[edge.target]))
                frontier = reached
            found = self._reach[concept, max_steps] = tuple(best.values())
        return found

    def link(self, text: str, *, min_weight: float = 0.0) -> list[Mention]:
        """Concepts named in free text, in order, without overlap; negated mentions are left out.

        `start` and `end` index `text`. Script, width and case do not matter.
        """
        return [mention for mention in self._linker.link(text) if mention.weight >= min_weight]

    def search(self, text: str, *, limit: int = 20) -> list[tuple[Concept, float]]:
        """Concepts whose names resemble the text, best first, with a similarity in (0, 1]."""
        from rapidfuzz import fuzz, process

        scores: dict[str, float] = {concept: 1.0 for concept, _ in self.by_name(text)}
        if text in self.concepts:
            scores[text] = 1.0
        wanted = normalise(text)
        for name, score, _ in process.extract(
            wanted, list(self._names), scorer=fuzz.ratio, limit=4 * limit, score_cutoff=55
        ):
            for concept, _ in self._names[name]:
                scores[concept] = max(scores.get(concept, 0.0), score / 101)
        for name, owners in self._names.items():
            if wanted and wanted in name:
                for concept, _ in owners:
                    scores[concept] = max(scores.get(concept, 0.0), 0.5 + 0.49 * len(wanted) / len(name))
        ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]
        return [(self.concepts[concept], score) for concept, score in ranked]

    def path(self, start: str, goal: str) -> list[Step]:
        """The most probable chain of relations between two concepts, either direction; empty if none.

        Shortest path over -log(weight); a step against its edge costs one nat more.
        """
        import networkx

        self.concept(start), self.concept(goal)
        try:
            nodes = networkx.shortest_path(self._network, start, goal, weight="cost")
        except networkx.NetworkXNoPath:
            return []
        return [self._network.edges[pair]["step"] for pair in pairwise(nodes)]

    def stats(self) -> dict[str, dict[str, int]]:
        """Counts: concepts by facet and by vertical, aliases by language, relations, labels by vocabulary."""
        concepts = self.concepts.values()
        relations: tuple[Relation, ...] = get_args(Relation)
        return {
            "facets": {facet: sum(c.facet == facet for c in concepts) for facet in FACETS},
            "verticals": dict(Counter(c.vertical or "none" for c in concepts).most_common()),
            "aliases": dict(Counter(alias.language for c in concepts for alias in c.aliases)),
            "relations": {r: sum(len(c.relation(r)) for c in concepts) for r in relations}
            | {"excludes": sum(len(c.excludes) for c in concepts)},
            "labels": {vocabulary: len(entries) for vocabulary, entries in sorted(self.labels.items())},
        }

    @cached_property
    def _names(self) -> dict[str, list[tuple[str, float]]]:
        names: dict[str, dict[str, float]] = defaultdict(dict)
        for concept in self.concepts.values():
            for alias in concept.aliases:
                owners = names[normalise(alias.text)]
                owners[concept.id] = max(owners.get(concept.id, 0.0), max(alias.weight, 0.01))
        return {name: sorted(owners.items(), key=lambda o: (-o[1], o[0])) for name, owners in names.items()}

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = defaultdict(list)
        for concept in self.concepts.values():
            for parent in concept.is_a:
                children[parent].append(concept.id)
        return dict(children)

    @cached_property
    def _network(self) -> DiGraph:
        import networkx

        network = networkx.DiGraph()
        network.add_nodes_from(self.concepts)
        for concept in self.concepts:
            for target, relation, weight in self.edges(concept, get_args(Relation)):
                # A small price a step prefers short chains among equally probable ones.
                for step, cost in (
                    (Step(concept, relation, target, weight, True), 0.01 - math.log(weight)),
                    (Step(concept, relation, target, weight, False), 1.01 - math.log(weight)),
                ):
                    ends = (concept, target) if step.forward else (target, concept)
                    known = network.get_edge_data(*ends)
                    if known is None or cost < known["cost"]:
                        network.add_edge(*ends, cost=cost, step=step)
        return network

    @cached_property
    def _linker(self) -> Linker:
        return Linker(
            ((alias.text, c.id, alias.weight) for c in self.concepts.values() for alias in c.aliases),
            guards=self.guards,
        )
