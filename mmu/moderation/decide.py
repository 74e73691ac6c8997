"""From what a video says and shows to pass, review or block, with the hits that led there."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from mmu.errors import ConfigError
from mmu.moderation.combine import combination_hits
from mmu.moderation.hits import (
    Hit,
    Video,
    contexts_of,
    person_hits,
    signal_hits,
    tag_hits,
    text_hits,
    text_units,
)
from mmu.moderation.likeness import Embed
from mmu.moderation.likeness_hits import likeness_hits
from mmu.moderation.policy import Category, Policy
from mmu.moderation.priority import priority
from mmu.moderation.texts import TextUnit
from mmu.report.schema import Moderation, ModerationHit, Tag
from mmu.signals import Signal

__all__ = ["Decision", "Judgement", "TextJudge", "TextUnit", "decide", "judge"]

Decision = Literal["pass", "review", "block"]

_MAX_HITS = 60
#: repeated hits of one rule say little more than the first few
_MAX_TERMS = 4
ORDER: dict[Decision, int] = {"pass": 0, "review": 1, "block": 2}


class TextJudge(Protocol):
    """A trained classifier: its hits on the texts of a video."""

    @property
    def digest(self) -> str: ...

    def hits(self, policy: Policy, units: Sequence[TextUnit], embed: Embed) -> list[Hit]: ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision with everything that led to it: hits, and the confidence and decision by category."""

    decision: Decision
    category: str | None
    hits: tuple[Hit, ...]
    confidence: dict[str, float]
    decisions: dict[str, Decision]
    contexts: tuple[str, ...]
    priority: float


def decide(
    policy: Policy,
    *,
    signals: Iterable[Signal] = (),
    tags: Sequence[Tag] = (),
    title: str = "",
    topics: Sequence[str] = (),
    texts: Iterable[TextUnit] = (),
    embed: Embed | None = None,
    classifier: TextJudge | None = None,
    factors: Mapping[str, float] | None = None,
) -> Moderation:
    """Judge one video by a policy.

    Args:
        policy: from `load_policy`.
        signals: what the stages saw; on-screen lines and transcript segments are read from here.
        tags: what reasoning concluded.
        title: the title given with the video.
        topics: the hashtags given with it.
        texts: further texts that are not among the signals.
        embed: the encoder; without it likeness rules and the classifier do not look.
        classifier: a trained one.
        factors: by rule, on the score of its hits; learned from reviewers' verdicts (`mmu learn`).
    """
    found = judge(
        policy,
        signals=signals,
        tags=tags,
        title=title,
        topics=topics,
        texts=texts,
        embed=embed,
        classifier=classifier,
        factors=factors,
    )
    shadow = policy.file.shadow
    return Moderation(
        decision="pass" if shadow else found.decision,
        would=found.decision if shadow else None,
        policy=policy.name,
        version=policy.version,
        category=found.category,
        priority=0.0 if shadow else found.priority,
        hits=[_report(policy, hit) for hit in _strongest(policy, found.hits)],
    )


def load_classifier(folder: str | os.PathLike[str] | None, encoder: object | None) -> TextJudge | None:
    """The classifier in a folder of `mmu policy train`; None without one.

    Raises:
        ConfigError: there is no encoder to read texts with.
        StoreError: it cannot be read.
    """
    if folder is None:
        return None
    if encoder is None:
        raise ConfigError("the classifier needs the text encoders: run `mmu models pull`")
    from mmu.moderation.learned.judge import LearnedJudge

    return LearnedJudge(Path(folder))


def judge(
    policy: Policy,
    *,
    signals: Iterable[Signal] = (),
    tags: Sequence[Tag] = (),
    title: str = "",
    topics: Sequence[str] = (),
    texts: Iterable[TextUnit] = (),
    embed: Embed | None = None,
    classifier: TextJudge | None = None,
    factors: Mapping[str, float] | None = None,
) -> Judgement:
    """As `decide`, with all that led there; whether the policy is in shadow mode plays no part."""
    signals = list(signals)
    units = [*text_units(signals, title, topics), *texts]
    video = Video(signals, tags, units)
    about = contexts_of(policy, units)
    alike, calm = likeness_hits(policy, units, about, embed)
    hits = [
        *text_hits(policy, units, about, calm),
        *alike,
        *signal_hits(policy, signals),
        *tag_hits(policy, tags),
        *person_hits(policy, signals),
    ]
    if classifier is not None and embed is not None:
        hits += classifier.hits(policy, units, embed)
    hits += combination_hits(policy, video, hits)
    exempt = {rule.id for rule in policy.file.rules if about.intersection(rule.unless)}
    hits = [hit for hit in hits if hit.rule not in exempt]
    if factors:
        hits = [replace(hit, score=min(1.0, hit.score * factors.get(hit.rule, 1.0))) for hit in hits]
    confidence = _confidence([hit for hit in hits if not hit.shadow])
    decisions = {
        category: _decision(policy, policy.categories[category], value)
        for category, value in confidence.items()
    }
    decision: Decision = max(decisions.values(), key=ORDER.__getitem__, default="pass")

    def weight(category: str) -> tuple[int, float]:
        return ORDER[decisions[category]], policy.categories[category].severity * confidence[category]

    worst = max(confidence, key=weight, default=None)
    return Judgement(
        decision=decision,
        category=worst if decision != "pass" else None,
        hits=tuple(hits),
        confidence=confidence,
        decisions=decisions,
        contexts=tuple(sorted(about)),
        priority=_priority(policy.categories[worst].severity, confidence[worst]) if worst else 0.0,
    )


def _priority(severity: int, confidence: float) -> float:
    """What is known when it is judged; reach and age come in with the queue."""
    return round(priority(severity, min(1.0, confidence)), 4)


def _confidence(hits: Sequence[Hit]) -> dict[str, float]:
    """Of each category, that not all of its hits are wrong: terms count once, by their surest sighting."""
    terms: dict[str, dict[tuple[str, str], float]] = defaultdict(dict)
    for hit in hits:
        key = (hit.rule, hit.term)
        terms[hit.category][key] = max(hit.score, terms[hit.category].get(key, 0.0))
    result = {}
    for category, scores in terms.items():
        wrong = 1.0
        for score in sorted(scores.values(), reverse=True)[:_MAX_TERMS]:
            wrong *= 1.0 - score
        result[category] = 1.0 - wrong
    return result


def _decision(policy: Policy, category: Category, confidence: float) -> Decision:
    thresholds = policy.file.thresholds
    if confidence >= thresholds.block.get(category.severity, 2.0):
        return "block"
    return "review" if confidence >= thresholds.review.get(category.severity, 2.0) else "pass"


def _strongest(policy: Policy, hits: Sequence[Hit]) -> list[Hit]:
    ranked = sorted(hits, key=lambda hit: -policy.categories[hit.category].severity * hit.score)
    return ranked[:_MAX_HITS]


def _report(policy: Policy, hit: Hit) -> ModerationHit:
    category = policy.categories[hit.category]
    return ModerationHit(
        rule=hit.rule,
        category=category.id,
        name=category.name,
        severity=category.severity,
        score=round(min(1.0, hit.score), 4),
        axis=hit.axis,
        text=hit.text,
        signal=hit.signal,
        span=hit.span,
        box=hit.box,
        shadow=hit.shadow,
    )
