"""The category of a video from its tags."""

from __future__ import annotations

import kg
from mmu.reasoning.category import choose_category
from mmu.report.schema import Evidence, EvidenceStep, Name, Tag


def _tag(concept: str, score: float, signal: str, span: tuple[float, float]) -> Tag:
    node = kg.load().concepts[concept]
    path = [EvidenceStep(kind="concept", id=concept, text=node.en)]
    evidence = Evidence(axis="image", weight=score, signal=signal, source="test", path=path, span=span)
    return Tag(
        id=concept,
        name=Name(zh=node.zh, en=node.en),
        facet=node.facet,
        score=score,
        spans=[span],
        evidence=[evidence],
    )


def test_what_lasts_and_is_sure_decides() -> None:
    graph = kg.load()
    tags = [_tag("basketball", 0.9, "s1", (0, 20)), _tag("pizza", 0.5, "s2", (18, 20))]
    found = choose_category(tags, graph, duration=20)
    assert found is not None
    assert found.id == graph.concepts["basketball"].vertical
    assert found.evidence == ["basketball"]
    assert [name for name, _ in found.alternatives] == [graph.concepts["pizza"].vertical]


def test_one_signal_is_one_reason() -> None:
    graph = kg.load()
    cake = [
        _tag(concept, 0.5, "s1", (0, 20))
        for concept in ("pizza", "noodles", "rice")
        if concept in graph.concepts
    ]
    one = choose_category([*cake[:1], _tag("basketball", 0.6, "s2", (0, 20))], graph, duration=20)
    many = choose_category([*cake, _tag("basketball", 0.6, "s2", (0, 20))], graph, duration=20)
    assert one is not None
    assert many is not None
    assert one.id == many.id == graph.concepts["basketball"].vertical


def test_weak_evidence_is_no_category() -> None:
    assert choose_category([_tag("basketball", 0.05, "s1", (0, 1))], kg.load(), duration=20) is None
    assert choose_category([], kg.load(), duration=20) is None
