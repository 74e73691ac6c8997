"""How likely a topic belongs to a text: by meaning, by words in common, and by its lead over other topics.

Logistic regressions over a handful of numbers (`data/topic_match.yaml`). A topic
is judged on its own; among many topics, of which most are usually wrong, its
lead over the others counts too, since rivals share the language and manner of the post.
A quick encoder comes first; where its answer is in doubt, a slow one is asked as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files
from math import exp, log1p
from typing import Any, NamedTuple

import yaml

#: characters of a topic that are compared one by one
_LONGEST = 200
#: topics with the highest cosines that a closer look takes in
_RIVALS = 2


class Match(NamedTuple):
    """What is known of one topic beside a text."""

    #: that it belongs, with one topic in ten as the prior
    probability: float
    belongs: bool


@cache
def load_match() -> dict[str, Any]:
    """The shipped numbers."""
    text = (files("mmu.reasoning") / "data" / "topic_match.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def match_topics(
    topics: Sequence[str],
    quick: Sequence[float],
    closely: Callable[[Sequence[int]], Sequence[float]],
    text: str,
) -> list[Match]:
    """Judge every topic of one text.

    Args:
        topics: normalised.
        quick: cosines, by the quick encoder, of each with the nearest piece of the text.
        closely: the same by both encoders, of the topics in these places; asked for those in doubt and,
            where rivals count, for the nearest.
        text: normalised; without any, nothing belongs.
    """
    if not text:
        return [Match(0.0, False) for _ in topics]
    many = len(set(topics)) >= load_match()["rivals"]
    numbers = features_of(topics, quick, text)
    judged = [_judge(one, "quick", many) for one in numbers]
    doubtful = [place for place, one in enumerate(judged) if one.doubtful]
    if doubtful:
        # Where rivals count, it is those in the lead.
        leading = sorted(range(len(topics)), key=lambda place: -quick[place])[: _RIVALS if many else 0]
        asked = sorted({*doubtful, *leading})
        cosines = closely(asked)
        for place, cosine, lead in zip(asked, cosines, leads(cosines), strict=True):
            judged[place] = _judge({**numbers[place], "cosine": cosine, "lead": lead}, "both", many)
    return [one.match for one in judged]


class _Judged(NamedTuple):
    match: Match
    #: it is so near the threshold that a closer look may decide otherwise
    doubtful: bool


def _judge(numbers: dict[str, float], encoders: str, many: bool) -> _Judged:
    settings = load_match()
    weights = settings[encoders]
    lower, upper = settings["doubt"]
    alone = _probability(weights["alone"], numbers)
    keep = weights["alone"]["keep"]
    if not many or alone >= settings["certain"]:
        return _Judged(Match(alone, alone >= keep), lower * keep <= alone < upper * keep)
    among, keep = _probability(weights["among"], numbers), weights["among"]["keep"]
    return _Judged(
        Match(among, among >= keep and alone >= settings["least"]), lower * keep <= among < upper * keep
    )


def features_of(topics: Sequence[str], cosines: Sequence[float], text: str) -> list[dict[str, float]]:
    """The numbers that the regressions weigh, for every topic; arguments as of `match_topics`."""
    return [
        {
            "cosine": cosine,
            "part": shared_part(topic, text),
            "characters": sum(char in text for char in topic[:_LONGEST]) / max(1, len(topic[:_LONGEST])),
            "length": log1p(len(topic)),
            "text": log1p(len(text)),
            "lead": lead,
        }
        for topic, cosine, lead in zip(topics, cosines, leads(cosines), strict=True)
    ]


def leads(cosines: Sequence[float]) -> list[float]:
    """Each less the best of the others; 0 where there is no other."""
    if len(cosines) < 2:
        return [0.0] * len(cosines)
    best, second = sorted(cosines, reverse=True)[:2]
    return [cosine - (second if cosine == best else best) for cosine in cosines]


def _probability(weights: dict[str, float], features: dict[str, float]) -> float:
    total = weights["intercept"] + sum(weights.get(name, 0.0) * value for name, value in features.items())
    return 1 / (1 + exp(-max(-50.0, min(50.0, total))))


def shared_part(topic: str, text: str) -> float:
    """Share of the topic that is found in the text in one piece; single characters do not count."""
    longest = 0
    for start in range(len(topic)):
        while start + longest < len(topic) and topic[start : start + longest + 1] in text:
            longest += 1
    return longest / len(topic) if longest > 1 else 0.0
