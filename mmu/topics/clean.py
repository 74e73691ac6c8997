"""A stream of posts cleaned: title, topics and text in, decisions out; one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from kg import Graph
from mmu.reasoning.fuse import Fused, fuse
from mmu.reasoning.observe import observe
from mmu.reasoning.settings import FusionSettings, load_settings
from mmu.reasoning.similarity import TopicSimilarity
from mmu.reasoning.topics import judge_topics
from mmu.signals import Signal, SignalSet
from mmu.topics.segment import Segmenter

#: more topics than this in one post is an error, not a post
MAX_TOPICS = 1000


def clean_lines(
    lines: Iterable[str],
    *,
    graph: Graph,
    similarity: TopicSimilarity | None = None,
    segmenter: Segmenter | None = None,
) -> Iterator[dict[str, Any]]:
    """Decide on the topics of every post; a generator in the order of the lines, empty ones left out.

    Args:
        lines: JSON objects with `topics` (a list of texts) and, as far as known, `title` and `text`;
            whatever else they hold is handed on.
        graph: resolves topics to concepts.
        similarity: nearness in meaning; without it only words and concepts count.
        segmenter: takes joined English hashtags apart.

    Yields:
        The object with `decisions` added, or with `error` for a line that cannot be used; of a line that
        is not a JSON object the text is under `line`.
    """
    settings = load_settings()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        post: dict[str, Any] = {"line": line.rstrip("\r\n")}
        try:
            read = json.loads(line)
            if not isinstance(read, dict):
                raise ValueError(f"expected an object, got {type(read).__name__}")
            post = read
            title, text, topics = _parts(post)
        except (ValueError, RecursionError) as error:
            message = f"line {number}: not JSON: {error}" if "line" in post else f"line {number}: {error}"
            yield {**post, "error": message}
            continue
        decisions = judge_topics(
            topics,
            texts=[title, text],
            support=_support(f"{title}\n{text}", graph, settings),
            graph=graph,
            similarity=similarity,
            segmenter=segmenter,
        )
        yield {**post, "decisions": [one.model_dump(mode="json") for one in decisions]}


def _support(text: str, graph: Graph, settings: FusionSettings) -> dict[str, Fused]:
    """What follows from the words of the post alone: a recipe for noodles is about food."""
    if not text.strip():
        return {}
    words = SignalSet([Signal("user.title", text, None, None, "user")])
    return fuse(observe(words, graph, settings, 0.0), graph, settings)


def _parts(post: dict[str, Any]) -> tuple[str, str, list[str]]:
    texts = [post.get(name) or "" for name in ("title", "text")]
    for name, value in zip(("title", "text"), texts, strict=True):
        if not isinstance(value, str):
            raise ValueError(f"{name!r} must be a text, not {type(value).__name__}")
    topics = post.get("topics")
    if not isinstance(topics, list) or not all(isinstance(topic, str) for topic in topics):
        raise ValueError("'topics' must be a list of texts")
    if len(topics) > MAX_TOPICS:
        raise ValueError(f"{len(topics)} topics; at most {MAX_TOPICS} are read")
    return texts[0], texts[1], topics
