"""Topic clean-up: a user's hashtag is kept, merged or dropped with the reason; missing ones are suggested."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import yaml
from rapidfuzz import fuzz

from kg import Graph
from kg.linker import normalise
from mmu.reasoning.fuse import Fused
from mmu.reasoning.similarity import TopicSimilarity
from mmu.reasoning.topic_match import match_topics
from mmu.report.schema import Name, Tag, TopicDecision

if TYPE_CHECKING:
    from mmu.topics.segment import Segmenter

#: support from pictures, sound and words from which a topic is kept
KEEP = 0.3
#: a topic's words are found in the texts of the video
TEXT_MATCH = 0.75
#: characters of text below which words that are not found prove nothing
ENOUGH_TEXT = 8
#: cosine with the name of a believed concept from which a topic is kept
NEAR_NAME = 0.5
#: with so many topics or fewer, those that cannot be checked are given the benefit of the doubt
DOUBTFUL = 5
#: concepts whose names a topic is compared with
NAMES = 12
#: tags from this score are suggested as topics
SUGGEST = 0.6
SUGGESTIONS = 3
#: facets that are topics by themselves, and those of which some make a good hashtag
TOPIC_FACETS, OTHER_FACETS = ("topic", "music"), ("action", "element", "scene", "style")
#: how surely a concept must be about some topic to be suggested: a cat is about pets, a table about nothing
ABOUT = 0.55

REASONS = {
    "supported": Name(zh="内容与话题相符", en="what is seen, heard or read supports it"),
    "mentioned": Name(zh="标题、字幕或语音提到了它", en="title, on-screen text or speech mentions it"),
    "unverified": Name(zh="没有发现与它矛盾的内容", en="nothing speaks for or against it"),
    "duplicate": Name(zh="与另一话题同义", en="means the same as another topic"),
    "traffic_bait": Name(zh="引流话题，与内容无关", en="asks for traffic and says nothing of the video"),
    "off_topic": Name(zh="内容与话题不符", en="nothing in the video supports it"),
    "empty": Name(zh="没有可用文字", en="no usable text"),
    "suggested": Name(zh="内容有力支持的话题", en="strongly supported by the content"),
}


@dataclass(frozen=True, slots=True)
class Bait:
    """Hashtags that only ask for traffic, normalised."""

    exact: frozenset[str]
    contains: tuple[str, ...]

    def matches(self, topic: str) -> bool:
        return topic in self.exact or any(part in topic for part in self.contains)


@cache
def load_bait() -> Bait:
    """The shipped list of traffic bait."""
    data = yaml.safe_load((files("mmu.reasoning") / "data" / "topics.yaml").read_text(encoding="utf-8"))
    return Bait(
        exact=frozenset(normalise_topic(one) for one in data["exact"]),
        contains=tuple(normalise_topic(one) for one in data["contains"]),
    )


def normalise_topic(topic: str) -> str:
    """Width, case and script folded; `#`, emoji, separators and punctuation removed."""
    return "".join(
        char for char in normalise(topic) if unicodedata.category(char)[0] in "LN" or char == "+"
    ).strip("+")


def judge_topics(
    topics: Sequence[str],
    *,
    texts: Sequence[str],
    support: dict[str, Fused],
    graph: Graph,
    similarity: TopicSimilarity | None = None,
    segmenter: Segmenter | None = None,
) -> list[TopicDecision]:
    """Keep, merge or drop every topic of the user.

    Args:
        topics: as the user wrote them, with or without `#`.
        texts: title, on-screen text and transcript.
        support: beliefs fused without the user's topics.
        graph: resolves a topic to a concept.
        similarity: nearness in meaning; without it only words and concepts count.
        segmenter: takes joined English hashtags apart.
    """
    text = normalise_topic(" ".join(texts))
    read = [_read(topic, graph, segmenter) for topic in topics]
    if similarity is not None:
        _measure([one for one in read if one.plain and not one.bait], similarity, texts, text, support, graph)
    decisions: list[TopicDecision] = []
    kept: dict[str, str] = {}
    for one in read:
        decision = _decide(one, text, support, graph, kept, few=len(topics) <= DOUBTFUL)
        decisions.append(decision)
        if decision.action == "keep":
            kept[decision.concept or one.plain] = decision.canonical
    return decisions


def suggest_topics(
    decisions: Sequence[TopicDecision], tags: Sequence[Tag], graph: Graph
) -> list[TopicDecision]:
    """Strongly supported tags, of what people tag, that no kept topic names; `tags` are the specific ones."""
    kept = [one for one in decisions if one.action == "keep"]
    taken = {normalise_topic(one.canonical) for one in kept} | {one.concept for one in kept if one.concept}
    suggested: list[TopicDecision] = []
    for tag in tags:
        known = {tag.id, normalise_topic(tag.name.zh), normalise_topic(tag.name.en)}
        if tag.score >= SUGGEST and not known & taken and is_topical(tag.id, graph):
            suggested.append(_decision(tag.name.zh, "suggest", tag.name.zh, "suggested", tag.score, tag.id))
            taken |= known
        if len(suggested) == SUGGESTIONS:
            break
    return suggested


def is_topical(concept: str, graph: Graph) -> bool:
    """Whether a concept is a topic, or the graph files it (or what it is a kind of) surely under one.

    Furniture and everyday acts, of which no topic follows, make no hashtag.
    """
    facet = graph.concepts[concept].facet
    if facet in TOPIC_FACETS:
        return True
    above = {concept: 1.0, **graph.ancestors(concept)}
    topics = (
        weight * fits
        for one, weight in above.items()
        for target, fits in {one: 1.0, **graph.concepts[one].implies}.items()
        if graph.concepts[target].facet == "topic"
    )
    return facet in OTHER_FACETS and max(topics, default=0.0) >= ABOUT


@dataclass(slots=True)
class _Topic:
    """A topic, what it names and how near it is to the video."""

    topic: str
    plain: str
    words: str
    bait: bool
    concept: str | None
    #: that it belongs to the texts or to what is believed, 0 where that was not measured
    likely: float = 0.0
    is_near: bool = False


def _read(topic: str, graph: Graph, segmenter: Segmenter | None) -> _Topic:
    plain = normalise_topic(topic)
    bait = bool(plain) and load_bait().matches(plain)
    words = plain
    if segmenter is not None and re.search("[a-z]{6}", plain):
        words = normalise(" ".join(segmenter.segment(topic)))
    concept = None
    if plain and not bait:
        concept = _concept(plain, graph) or (_concept(words, graph) if words != plain else None)
    return _Topic(topic, plain, words, bait, concept)


def _measure(
    topics: Sequence[_Topic],
    similarity: TopicSimilarity,
    texts: Sequence[str],
    text: str,
    support: dict[str, Fused],
    graph: Graph,
) -> None:
    """Set how near each topic is to the texts and to what is believed, and which of them are near enough."""
    believed = sorted(
        (one for one in support if support[one].score >= KEEP), key=lambda one: -support[one].score
    )
    names = [graph.concepts[one].zh for one in believed[:NAMES] if one in graph.concepts]
    words = [one.words for one in topics]
    quick: list[float] = similarity.to_texts(words, texts, quick=True).tolist()

    def closely(places: Sequence[int]) -> list[float]:
        found: list[float] = similarity.to_texts([words[place] for place in places], texts).tolist()
        return found

    matches = match_topics([one.plain for one in topics], quick, closely, text)
    to_names = similarity.to_names(words, names, near=NEAR_NAME).tolist()
    for one, match, name in zip(topics, matches, to_names, strict=True):
        one.is_near = match.belongs or name >= NEAR_NAME
        one.likely = max(match.probability, name if name >= NEAR_NAME else 0.0)


def _decide(
    one: _Topic, text: str, support: dict[str, Fused], graph: Graph, seen: dict[str, str], *, few: bool
) -> TopicDecision:
    topic, concept = one.topic, one.concept
    if not one.plain:
        return _decision(topic, "drop", topic, "empty", 1.0)
    if one.bait:
        return _decision(topic, "drop", one.plain, "traffic_bait", 0.95)
    canonical = graph.concepts[concept].zh if concept else one.words
    key = concept or one.plain
    if key in seen:
        return _decision(topic, "merge", seen[key], "duplicate", 0.95, concept)
    belief = support[concept].score if concept in support else 0.0
    mention = _mentioned(one.plain, text)
    if belief >= KEEP and belief >= mention:
        return _decision(topic, "keep", canonical, "supported", belief, concept)
    if mention >= TEXT_MATCH:
        return _decision(topic, "keep", canonical, "mentioned", mention, concept)
    if one.is_near:
        return _decision(topic, "keep", canonical, "supported", max(0.5, one.likely), concept)
    if concept is None and len(text) < ENOUGH_TEXT and few:
        return _decision(topic, "keep", canonical, "unverified", 0.5)
    doubt = 1 - max(belief, mention * 0.8, one.likely)
    return _decision(topic, "drop", canonical, "off_topic", round(doubt, 4), concept)


def _concept(plain: str, graph: Graph) -> str | None:
    """The concept that the whole topic (nearly) names."""
    mentions = graph.link(plain)
    best = max(mentions, key=lambda one: one.end - one.start, default=None)
    if best is None or (best.end - best.start) < 0.7 * len(plain):
        return None
    return best.concept


def _mentioned(plain: str, text: str) -> float:
    if not text:
        return 0.0
    if plain in text:
        return 0.9
    if re.fullmatch(r"[\x00-\x7f]+", plain) and len(plain) < 4:
        return 0.0
    return float(fuzz.partial_ratio(plain, text)) / 100 * 0.9


def _decision(
    topic: str, action: str, canonical: str, reason: str, score: float, concept: str | None = None
) -> TopicDecision:
    return TopicDecision(
        topic=topic,
        action=action,
        canonical=canonical,
        reason=reason,
        text=REASONS[reason],
        score=min(1.0, max(0.0, score)),
        concept=concept,
    )
