"""The one category (vertical) of a video."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from kg import Graph
from mmu.reasoning.fuse import Fused
from mmu.report.schema import Category, Name, Tag

#: below this the video stays uncategorised
MINIMUM = 0.15
#: a tag of the vertical counts this part of its score beside the vertical's own belief
MEMBER_WEIGHT = 0.5


def choose_category(beliefs: dict[str, Fused], tags: Sequence[Tag], graph: Graph) -> Category | None:
    """The vertical that the beliefs support most; None when nothing does.

    A vertical is supported by the belief in its own concept and, by noisy-or,
    by the tags that the graph files under it.
    """
    missing: dict[str, float] = defaultdict(lambda: 1.0)
    members: dict[str, list[str]] = defaultdict(list)
    for tag in tags:
        vertical = graph.concepts[tag.id].vertical
        if vertical and vertical != tag.id:
            missing[vertical] *= 1 - MEMBER_WEIGHT * tag.score**2
            members[vertical].append(tag.id)
    for vertical in sorted({node.vertical for node in graph.concepts.values() if node.vertical}):
        if vertical in beliefs and beliefs[vertical].shares:
            missing[vertical] *= 1 - beliefs[vertical].score
            members[vertical].insert(0, vertical)
    ranked = sorted(((1 - gone, vertical) for vertical, gone in missing.items()), reverse=True)
    if not ranked or ranked[0][0] < MINIMUM:
        return None
    score, best = ranked[0]
    node = graph.concepts[best]
    return Category(
        id=best,
        name=Name(zh=node.zh, en=node.en),
        score=score,
        alternatives=[(other, round(value, 4)) for value, other in ranked[1:4]],
        evidence=members[best][:8],
    )
