"""Where axes disagree: what the title promises and what is seen and heard instead.

A title disagrees with its video when three things hold: it names something
that could be recognised if it were there; nothing that is seen, read or heard
has to do with any of it; and something else is surely there. Being silent on
the title's subject is no disagreement, and a picture that nothing is
recognised in proves nothing.

Relatedness of two concepts is read off the graph (one is or implies the other,
they share a specific parent, a vertical, or an edge) and, where text encoders
are there, off the nearness in meaning of their names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from kg import Graph
from mmu.reasoning.fuse import Fused, fuse, to_tag
from mmu.reasoning.observe import MENTION_BELIEF, Observation
from mmu.reasoning.select import specific
from mmu.reasoning.settings import FusionSettings
from mmu.reasoning.similarity import TopicSimilarity
from mmu.report.schema import Contradiction, ContradictionSide, Name, Tag
from mmu.signals import Signal

WITNESSES = frozenset({"face", "image", "text", "speech", "audio"})
#: the title's own words, and the labels that perception can give to what they name
CLAIM = "user.title"
SEEN = frozenset({"imagenet1k", "coco", "scene", "gesture", "action", "audio_event", "music_tag"})
#: facets that name a subject; how somebody looks or feels is no subject
SUBJECTS = frozenset({"element", "scene", "action", "topic", "music"})
#: P(concept | label) from which a concept counts as recognisable
RECOGNISABLE = 0.5
#: belief in a title's concept, or a relative of it, that counts as a sign of it
SIGN = 0.3
#: least score of what is there instead, and of a reported contradiction
SURE = 0.45
MINIMUM = 0.4
#: an ancestor shared with more of the ontology than this share says nothing
COMMON = 0.02
#: cosine of two names from which they may be about the same; names of different things reach 0.43
NEAR = 0.45
#: sides are told with at most so many names
NAMED = 3


def find_contradictions(
    observations: Sequence[Observation],
    graph: Graph,
    settings: FusionSettings,
    *,
    title: str = "",
    similarity: TopicSimilarity | None = None,
) -> list[Contradiction]:
    """The disagreement of a title with its video; empty where they agree or nothing can be said.

    Args:
        observations: of one video, from all sources.
        graph: relations between what is claimed and what is found.
        settings: of the fusion.
        title: its whole text is compared with what is found, by meaning.
        similarity: text encoders; without them words and the graph decide.
    """
    said = [one for one in observations if one.group == CLAIM]
    claimed = _claims(said, graph, settings)
    if not claimed:
        return []
    named = {one.concept for one in said}
    witnessed = fuse(observations, graph, settings, axes=WITNESSES)
    signs = [name for name, one in witnessed.items() if one.score >= SIGN and _tells(name, graph)]
    if any(_related(claim, sign, graph) for claim in named for sign in signs):
        return []
    found = _found(witnessed, graph)
    if not found or _near(title, claimed, found, similarity):
        return []
    subjects = {tag.id for tag in claimed}
    meant = max(one.belief for one in said if one.concept in subjects) / MENTION_BELIEF
    score = min(1.0, meant) * _strength(found)
    return [_contradiction(claimed, found, score)] if score >= MINIMUM else []


def _near(
    title: str, claimed: Sequence[Tag], found: Sequence[Tag], similarity: TopicSimilarity | None
) -> bool:
    """Whether the title, or a thing that it names, means nearly the same as something that is there."""
    if similarity is None:
        return False
    claims = [text for tag in claimed for text in (tag.name.zh, tag.name.en)]
    names = [text for tag in found for text in (tag.name.zh, tag.name.en)]
    return float(similarity.to_names([title, *claims] if title else claims, names).max()) >= NEAR


def as_signal(contradiction: Contradiction) -> Signal:
    """The contradiction as a signal that rules of a policy can name."""
    return Signal("user.mismatch", contradiction.kind, contradiction.score, None, "mmu.contradictions@1")


def _claims(said: Sequence[Observation], graph: Graph, settings: FusionSettings) -> list[Tag]:
    """Recognisable subjects that the title itself names."""
    named = {one.concept for one in said}
    believed = fuse(said, graph, settings)
    tags = [
        to_tag(believed[name], graph)
        for name in sorted(named)
        if graph.concepts[name].facet in SUBJECTS and name in recognisable(graph) and believed[name].shares
    ]
    return sorted(specific(tags, graph), key=lambda tag: -tag.score)


def _found(witnessed: dict[str, Fused], graph: Graph) -> list[Tag]:
    """What is surely there, most specific and surest first; seen or heard, and not only spoken of."""
    tags = [
        to_tag(one, graph)
        for name, one in witnessed.items()
        if one.score >= SURE and one.shares and _tells(name, graph)
    ]
    perceived = [tag for tag in tags if _share(tag) >= 0.5]
    return sorted(specific(perceived, graph), key=lambda tag: -tag.score)[:NAMED]


def _tells(name: str, graph: Graph) -> bool:
    """Whether a concept is a subject of its own and no broad word that fits anything."""
    node = graph.concepts[name]
    return node.taggable and node.facet in SUBJECTS and name not in _broad(graph)


def _share(tag: Tag) -> float:
    """Share of the evidence that was seen or heard, and not read or said."""
    return sum(one.weight for one in tag.evidence if one.axis in ("image", "face", "audio")) / max(
        tag.score, 1e-9
    )


def _strength(tags: Sequence[Tag]) -> float:
    missing = 1.0
    for tag in tags:
        missing *= 1.0 - tag.score
    return 1.0 - missing


def _contradiction(claimed: list[Tag], found: list[Tag], score: float) -> Contradiction:
    said, seen = claimed[:NAMED], found[:NAMED]
    zh = "标题提到{}，但画面和声音中没有相关内容，出现的是{}。".format(
        "、".join(tag.name.zh for tag in said), "、".join(tag.name.zh for tag in seen)
    )
    en = "The title speaks of {}, of which nothing is seen or heard; what is there is {}.".format(
        ", ".join(tag.name.en for tag in said), ", ".join(tag.name.en for tag in seen)
    )
    return Contradiction(
        kind="title_content",
        score=min(1.0, score),
        text=Name(zh=zh, en=en),
        claimed=_side(said),
        found=_side(seen),
    )


def _side(tags: Sequence[Tag]) -> ContradictionSide:
    evidence = [one for tag in tags for one in sorted(tag.evidence, key=lambda path: -path.weight)[:3]]
    return ContradictionSide(
        axes=sorted({one.axis for one in evidence}),
        concepts=[tag.id for tag in tags],
        names=[tag.name for tag in tags],
        evidence=evidence,
    )


def _related(a: str, b: str, graph: Graph) -> bool:
    """Whether two concepts have to do with each other, by the graph."""
    if a == b:
        return True
    first, second = graph.concepts[a], graph.concepts[b]
    if first.vertical is not None and first.vertical == second.vertical:
        return True
    above_a, above_b = _closure(a, graph), _closure(b, graph)
    if b in above_a or a in above_b or (above_a & above_b) - _broad(graph):
        return True
    near_a, near_b = _neighbours(a, graph), _neighbours(b, graph)
    return b in near_a or a in near_b or bool((near_a & near_b) - _broad(graph))


@lru_cache(maxsize=8192)
def _closure(name: str, graph: Graph) -> frozenset[str]:
    """The concept and everything that it is or implies with fair certainty."""
    best = {name: 1.0}
    queue = [name]
    while queue:
        current = queue.pop()
        for edge in graph.edges(current):
            weight = best[current] * edge.weight
            if weight >= 0.3 and weight > best.get(edge.target, 0.0):
                best[edge.target] = weight
                queue.append(edge.target)
    return frozenset(best)


@lru_cache(maxsize=8192)
def _neighbours(name: str, graph: Graph) -> frozenset[str]:
    """Concepts one edge of any relation away, and the verticals' own concepts."""
    node = graph.concepts[name]
    near = {target for relation in (node.part_of, node.used_in, node.co_occurs) for target in relation}
    return frozenset(near | ({node.vertical} if node.vertical else set()))


@lru_cache(maxsize=4)
def _broad(graph: Graph) -> frozenset[str]:
    """Concepts that so many others are or imply that sharing them says nothing."""
    counts = Counter(above for name in graph.concepts for above in _closure(name, graph))
    return frozenset(name for name, count in counts.items() if count > COMMON * len(graph))


@lru_cache(maxsize=4)
def recognisable(graph: Graph) -> frozenset[str]:
    """Concepts that some label of perception stands for, directly or along the graph."""
    named = {
        concept
        for vocabulary in SEEN
        for targets in graph.labels.get(vocabulary, {}).values()
        for concept, weight in targets
        if weight >= RECOGNISABLE
    }
    return frozenset(above for concept in named for above in _closure(concept, graph))
