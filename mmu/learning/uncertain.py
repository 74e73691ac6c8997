"""Which videos people should look at next: those the brain is unsure of, each unlike the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
from numpy.typing import NDArray

from mmu.report.schema import Report

#: tags whose doubt counts, the most doubtful first
_TAGS = 8
#: what each kind of doubt weighs; they add up to 1
WEIGHTS = {"moderation": 0.4, "tags": 0.3, "category": 0.2, "contradiction": 0.1}
#: how much of the worth of a video unlike all others is left to one that is exactly like a chosen one
_REPEAT = 0.1


@dataclass(frozen=True, slots=True)
class Doubt:
    """One kind of doubt about a video, in [0, 1], and what it is about."""

    kind: str
    score: float
    about: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One video of the queue; `score` = uncertainty times novelty, both in [0, 1]."""

    rank: int
    id: str
    uri: str
    score: float
    uncertainty: float
    novelty: float
    reasons: list[Doubt]


def entropy(probability: float) -> float:
    """Bits of doubt in a yes-or-no question: 1 at 0.5, 0 where it is sure."""
    p = min(max(probability, 1e-9), 1 - 1e-9)
    return -p * log2(p) - (1 - p) * log2(1 - p)


def doubts(report: Report) -> list[Doubt]:
    """What the brain is unsure of in a report, the strongest first."""
    found = []
    tags = sorted(((entropy(tag.score), tag) for tag in report.tags), key=lambda one: -one[0])[:_TAGS]
    if tags:
        worst = tags[0][1]
        mean = sum(value for value, _ in tags) / len(tags)
        found.append(Doubt("tags", mean, f"{worst.name.zh} {worst.name.en} at {worst.score:.2f}"))
    if report.category is not None:
        scores = [report.category.score, *(score for _, score in report.category.alternatives)]
        shares = np.array(scores) / max(1e-9, sum(scores))
        doubt = -float(sum(share * log2(share) for share in shares if share > 0)) / max(
            1.0, log2(len(shares))
        )
        second = report.category.alternatives[0][0] if report.category.alternatives else "nothing else"
        found.append(Doubt("category", min(1.0, doubt), f"{report.category.id} or {second}"))
    if report.moderation is not None:
        hits = sorted(report.moderation.hits, key=lambda hit: -entropy(hit.score))
        if hits:
            found.append(
                Doubt("moderation", entropy(hits[0].score), f"{hits[0].rule} at {hits[0].score:.2f}")
            )
        elif report.moderation.decision == "review":
            unchecked = ", ".join(report.moderation.unchecked)
            found.append(Doubt("moderation", 0.5, f"not checked: {unchecked}" if unchecked else "review"))
    if report.contradictions:
        first = max(report.contradictions, key=lambda one: one.score)
        found.append(Doubt("contradiction", first.score, first.text.en))
    return sorted(found, key=lambda one: -one.score * WEIGHTS[one.kind])


def uncertain(reports: Iterable[Report], *, limit: int = 50) -> list[Asked]:
    """Order videos for people to look at: uncertainty times distance to those before (greedy k-centre).

    Args:
        reports: of many videos; two of one video count once.
        limit: videos to name at most.
    """
    known: dict[str, tuple[str, list[Doubt], dict[str, float]]] = {}
    for report in reports:
        tags = {tag.id: tag.score for tag in report.tags}
        known[report.id] = (report.uri, doubts(report), tags)
    ids = list(known)
    worth = np.array([sum(WEIGHTS[one.kind] * one.score for one in known[id_][1]) for id_ in ids], np.float32)
    vectors = _vectors([known[id_][2] for id_ in ids])
    distance = np.ones(len(ids), np.float32)
    open_ = np.ones(len(ids), bool)
    queue: list[Asked] = []
    while len(queue) < min(limit, len(ids)):
        gain = np.where(open_, worth * (_REPEAT + (1 - _REPEAT) * distance), -1.0)
        best = int(gain.argmax())
        uri, reasons, _ = known[ids[best]]
        numbers = (float(gain[best]), float(worth[best]), float(distance[best]))
        score, uncertainty, novelty = (round(number, 4) for number in numbers)
        queue.append(Asked(len(queue) + 1, ids[best], uri, score, uncertainty, novelty, reasons))
        open_[best] = False
        distance = np.minimum(distance, np.clip(1.0 - vectors @ vectors[best], 0.0, 1.0))
    return queue


def _vectors(tags: Sequence[dict[str, float]]) -> NDArray[np.float32]:
    """(n, concepts) float32, L2-normalised: scores of the tags, rare ones weighing more."""
    places = {key: at for at, key in enumerate(dict.fromkeys(key for one in tags for key in one))}
    table = np.zeros((len(tags), len(places)), np.float32)
    for row, one in enumerate(tags):
        for key, score in one.items():
            table[row, places[key]] = score
    table *= np.log((1 + len(tags)) / (1 + (table > 0.1).sum(axis=0)))
    return np.asarray(table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9), np.float32)
