"""The emotion of a video, from the beliefs in the concepts of the facet `emotion`."""

from __future__ import annotations

from kg import Graph
from mmu.reasoning.fuse import Fused, to_tag
from mmu.report.schema import Emotion, Name

#: below this nothing is claimed
MINIMUM = 0.2


def judge_emotion(beliefs: dict[str, Fused], graph: Graph) -> Emotion | None:
    """The strongest emotion with its evidence; None when no axis speaks of emotion."""
    emotions = [
        one for one in beliefs.values() if graph.concepts[one.concept].facet == "emotion" and one.shares
    ]
    if not emotions:
        return None
    strongest = max(emotions, key=lambda one: (one.score, one.concept))
    if strongest.score < MINIMUM:
        return None
    scores = {one.concept: round(one.score, 4) for one in sorted(emotions, key=lambda one: -one.score)[:8]}
    evidence = to_tag(strongest, graph).evidence
    node = graph.concepts[strongest.concept]
    return Emotion(
        label=strongest.concept,
        name=Name(zh=node.zh, en=node.en),
        score=strongest.score,
        scores=scores,
        evidence=evidence,
    )
