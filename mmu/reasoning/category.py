"""The one category (vertical) of a video."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import sqrt

from kg import Graph
from mmu.report.schema import Category, Evidence, Name, Tag

#: below this the video stays uncategorised
MINIMUM = 0.1
#: verticals that file concepts and are no kind of video
NOT_CATEGORIES = frozenset({"sound", "people"})


def choose_category(tags: Sequence[Tag], graph: Graph, *, duration: float) -> Category | None:
    """The vertical that the evidence supports most; None when nothing does.

    Each signal counts once for a vertical, by the strongest tag it carries
    there and by how long it lasts: a cup of coffee is one reason for food and
    not seven. The score is the vertical's share of all support, times the
    score of its strongest tag.

    Args:
        tags: of the report.
        graph: says which vertical a concept is filed under.
        duration: seconds of the video.
    """
    support: dict[str, dict[str, float]] = defaultdict(dict)
    members: dict[str, list[Tag]] = defaultdict(list)
    for tag in tags:
        vertical = graph.concepts[tag.id].vertical
        if vertical is None or vertical in NOT_CATEGORIES:
            continue
        members[vertical].append(tag)
        for one in tag.evidence:
            weight = one.weight * _lasting(one, duration)
            support[vertical][one.signal] = max(weight, support[vertical].get(one.signal, 0.0))
    totals = {vertical: sum(signals.values()) for vertical, signals in support.items()}
    everything = sum(totals.values())
    if not everything:
        return None
    scores = {
        vertical: total / everything * max(tag.score for tag in members[vertical])
        for vertical, total in totals.items()
    }
    best, *others = sorted(scores, key=lambda vertical: (-scores[vertical], vertical))
    if scores[best] < MINIMUM:
        return None
    node = graph.concepts[best]
    return Category(
        id=best,
        name=Name(zh=node.zh, en=node.en),
        score=scores[best],
        alternatives=[(other, round(scores[other], 4)) for other in others[:3]],
        evidence=[tag.id for tag in members[best]][:8],
    )


def _lasting(evidence: Evidence, duration: float) -> float:
    """Square root of the share of the video that the evidence covers; a still or timeless one covers all."""
    if evidence.span is None or duration <= 0:
        return 1.0
    return sqrt(min(1.0, max(0.02, (evidence.span[1] - evidence.span[0]) / duration)))
