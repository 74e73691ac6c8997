"""Which tags to report, and in which order: the most telling first.

A broader word that follows from a tag already chosen (cat → feline → animal)
tells little more, although it is as certain. Tags are therefore chosen
greedily by score × novelty, in the manner of maximal marginal relevance
(Carbonell & Goldstein, 1998): novelty falls with the share of a tag's evidence
that passes through tags already chosen. Scores themselves are not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kg import Graph
from mmu.reasoning.fuse import Fused, to_tag
from mmu.reasoning.settings import FusionSettings
from mmu.report.schema import Tag

#: novelty lost by what follows entirely from a chosen tag of the same facet, or of another one
SAME_FACET_LOSS = 0.5
OTHER_FACET_LOSS = 0.25


@dataclass(slots=True)
class _Candidate:
    fused: Fused
    facet: str
    names: frozenset[str]
    #: concept on a path -> share of the evidence that passes through it
    through: dict[str, float] = field(default_factory=dict)
    loss: float = 0.0

    @property
    def value(self) -> float:
        return self.fused.score * (1 - self.loss)


def to_tags(beliefs: dict[str, Fused], graph: Graph, settings: FusionSettings) -> list[Tag]:
    """The tags worth reporting, most telling first; no tag without evidence, no name twice."""
    candidates = [
        _candidate(fused, graph)
        for fused in beliefs.values()
        if fused.shares and fused.score >= settings.minimum and graph.concepts[fused.concept].taggable
    ]
    candidates.sort(key=lambda one: one.fused.concept)
    chosen: list[Tag] = []
    while candidates and len(chosen) < settings.maximum_tags:
        best = max(candidates, key=lambda one: one.value)
        chosen.append(to_tag(best.fused, graph))
        candidates = [one for one in candidates if one is not best and not one.names & best.names]
        for other in candidates:
            share = other.through.get(best.fused.concept)
            if share:
                most = SAME_FACET_LOSS if other.facet == best.facet else OTHER_FACET_LOSS
                other.loss = max(other.loss, most * share)
    return chosen


def _candidate(fused: Fused, graph: Graph) -> _Candidate:
    node = graph.concepts[fused.concept]
    candidate = _Candidate(fused, node.facet, frozenset({node.zh, node.en.casefold()}))
    for observation, _, share in fused.shares:
        for step in observation.path:
            if step.kind == "concept" and step.id != fused.concept:
                candidate.through[step.id] = candidate.through.get(step.id, 0.0) + share
    return candidate


def specific(tags: Sequence[Tag], graph: Graph) -> list[Tag]:
    """The tags that are no broader word of another one in the list."""
    broader = {ancestor for tag in tags for ancestor in graph.ancestors(tag.id)}
    return [tag for tag in tags if tag.id not in broader]
