"""Names in both languages for concept ids and model labels, from the shipped knowledge graph."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from kg.errors import GraphError
from mmu.report.schema import Report

if TYPE_CHECKING:
    from kg.graph import Graph

#: a label takes the name of a concept only when it means nearly the same
SAME_MEANING = 0.85
#: labels that mean a concept, but whose word means too much else to be a name of it
MEANT = {("coco", "remote"): "remote_control", ("coco", "sports ball"): "ball"}


class Names:
    """Looks names up; what the graph does not know keeps the text that the report gives."""

    @cached_property
    def _graph(self) -> Graph | None:
        import kg

        try:
            return kg.load()
        except GraphError:
            # names are a nicety: a report must stay readable beside a broken ontology
            return None

    def concept(self, concept: str) -> dict[str, str] | None:
        """`{zh, en}` of a concept, or None."""
        found = self._graph.concepts.get(concept) if self._graph else None
        return {"zh": found.zh, "en": found.en} if found else None

    def label(self, vocabulary: object, label: str) -> dict[str, str] | None:
        """`{zh, en}` of the concept that a model's label means, or None."""
        if not isinstance(vocabulary, str) or self._graph is None:
            return None
        concepts = self._graph.label(vocabulary, label)
        if concepts and concepts[0][1] >= SAME_MEANING:
            return self.concept(concepts[0][0])
        # how far a label is believed is another question than whether it is a name of its concept
        spoken = label.replace("_", " ")
        named = {one.concept for one in self._graph.link(spoken) if one.end - one.start == len(spoken)}
        named.add(MEANT.get((vocabulary, label), ""))
        return next((self.concept(concept) for concept, _ in concepts if concept in named), None)

    def used_in(self, report: Report) -> dict[str, dict[str, str]]:
        """Names of all concepts that evidence paths and alternative categories mention by id."""
        known: dict[str, dict[str, str]] = {}
        ids = {
            step.id for tag in report.tags for e in tag.evidence for step in e.path if step.kind == "concept"
        }
        if report.emotion:
            ids |= {step.id for e in report.emotion.evidence for step in e.path if step.kind == "concept"}
            ids |= {report.emotion.label, *report.emotion.scores}
            ids |= {label for label, _ in report.emotion.axes.values()}
        for one in report.contradictions:
            sides = [*one.claimed.evidence, *one.found.evidence]
            ids |= {step.id for e in sides for step in e.path if step.kind == "concept"}
        if report.category:
            ids |= {concept for concept, _ in report.category.alternatives}
            known[report.category.id] = report.category.name.model_dump()
        for concept in ids:
            name = self.concept(concept)
            if name:
                known[concept] = name
        for tag in report.tags:
            known[tag.id] = tag.name.model_dump()
        return known


def vocabulary_of(signal: dict[str, Any]) -> object:
    """The vocabulary that a signal's label is from, or None."""
    attributes = signal.get("attributes")
    return attributes.get("vocabulary") if isinstance(attributes, dict) else None
