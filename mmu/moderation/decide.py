"""From what a video says and shows to pass, review or block, with the hits that led there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from mmu.moderation.contacts import find_contacts
from mmu.moderation.policy import Category, Policy, TextAxis
from mmu.report.schema import Moderation, ModerationHit, ReportAxis, Tag
from mmu.signals import Signal

Decision = Literal["pass", "review", "block"]

#: characters of a text shown on either side of a hit
_AROUND = 14
_MAX_HITS = 60
#: what is read or heard is less certain than what was typed
_TRUST: dict[TextAxis, float] = {"user": 1.0, "text": 0.95, "speech": 0.9}
#: repeated hits of one rule say little more than the first few
_MAX_TERMS = 4


@dataclass(frozen=True, slots=True)
class TextUnit:
    """One text of a video: its title, a hashtag, an on-screen line or a transcript segment."""

    text: str
    axis: TextAxis
    signal: Signal | None = None


@dataclass(frozen=True, slots=True)
class _Hit:
    category: str
    rule: str
    term: str
    score: float
    axis: ReportAxis
    text: str | None = None
    signal: str | None = None
    span: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None


def decide(
    policy: Policy,
    *,
    signals: Iterable[Signal] = (),
    tags: Sequence[Tag] = (),
    title: str = "",
    topics: Sequence[str] = (),
    texts: Iterable[TextUnit] = (),
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
        factors: by rule, on the score of its hits; learned from reviewers' verdicts (`mmu learn`).
    """
    signals = list(signals)
    units = [*_units(signals, title, topics), *texts]
    hits = [*_text_hits(policy, units), *_signal_hits(policy, signals), *_tag_hits(policy, tags)]
    if factors:
        hits = [replace(hit, score=min(1.0, hit.score * factors.get(hit.rule, 1.0))) for hit in hits]
    confidence = _confidence(hits)
    decisions = {
        category: _decision(policy, policy.categories[category], value)
        for category, value in confidence.items()
    }
    order: dict[Decision, int] = {"pass": 0, "review": 1, "block": 2}
    decision = max(decisions.values(), key=order.__getitem__, default="pass")

    def weight(category: str) -> tuple[int, float]:
        return order[decisions[category]], policy.categories[category].severity * confidence[category]

    worst = max(confidence, key=weight, default=None)
    return Moderation(
        decision=decision,
        policy=policy.name,
        version=policy.version,
        category=worst if decision != "pass" else None,
        priority=round(weight(worst)[1], 4) if worst else 0.0,
        hits=[_report(policy, hit) for hit in _strongest(policy, hits)],
    )


def _units(signals: Sequence[Signal], title: str, topics: Sequence[str]) -> Iterator[TextUnit]:
    if title:
        yield TextUnit(title, "user")
    for topic in topics:
        if topic not in title:
            yield TextUnit(topic, "user")
    seen = {title, *topics}
    for signal in signals:
        if not isinstance(signal.value, str):
            continue
        if signal.kind == "text.line":
            yield TextUnit(signal.value, "text", signal)
        elif signal.kind == "speech.segment":
            yield TextUnit(signal.value, "speech", signal)
        elif signal.kind in {"user.title", "user.topic"} and signal.value not in seen:
            yield TextUnit(signal.value, "user", signal)


def _text_hits(policy: Policy, units: Sequence[TextUnit]) -> list[_Hit]:
    """Hits of word lists and contact rules, one a term and axis, softened by innocent contexts."""
    about = {name for unit in units for name in _contexts(policy, unit.text)}
    best: dict[tuple[str, str, str], _Hit] = {}
    for unit in units:
        for rule_id, category, term, score, start, end in _found(policy, unit):
            score *= _TRUST[unit.axis] * _softening(policy, category, about)
            if score <= 0:
                continue
            shown = unit.text[max(0, start - _AROUND) : end + _AROUND].strip()
            hit = _Hit(category, rule_id, term, score, unit.axis, shown, *_place(unit.signal))
            key = (rule_id, term, unit.axis)
            if key not in best or best[key].score < hit.score:
                best[key] = hit
    return list(best.values())


def _found(policy: Policy, unit: TextUnit) -> Iterator[tuple[str, str, str, float, int, int]]:
    for match in policy.lexicon.find(unit.text):
        rule = policy.word_rules[match.entry.rule]
        if unit.axis in rule.axes:
            term = "+".join(part.strip() for part in match.entry.parts)
            score = match.entry.score * rule.trust.get(unit.axis, 1.0)
            yield rule.id, rule.category, term, score, match.start, match.end
    for contact_rule in policy.file.contacts:
        if unit.axis not in contact_rule.axes:
            continue
        for contact in find_contacts(unit.text):
            weight = contact_rule.kinds.get(contact.kind, 0.0)
            if weight:
                yield (
                    contact_rule.id,
                    contact_rule.category,
                    contact.kind,
                    weight * contact.score,
                    contact.start,
                    contact.end,
                )


def _contexts(policy: Policy, text: str) -> set[str]:
    return {match.entry.rule for match in policy.context_lexicon.find(text)}


def _softening(policy: Policy, category: str, about: set[str]) -> float:
    factors = [
        policy.contexts[name].factor
        for name in about
        if not policy.contexts[name].categories or category in policy.contexts[name].categories
    ]
    return min(factors, default=1.0)


def _signal_hits(policy: Policy, signals: Sequence[Signal]) -> Iterator[_Hit]:
    for rule in policy.file.signals:
        for signal in signals:
            if signal.kind != rule.kind or signal.score is None or signal.score < rule.at_least:
                continue
            if rule.values and signal.value not in rule.values:
                continue
            term = str(signal.value or signal.kind)
            yield _Hit(rule.category, rule.id, term, signal.score, _axis(signal), None, *_place(signal))


def _tag_hits(policy: Policy, tags: Sequence[Tag]) -> Iterator[_Hit]:
    for rule in policy.file.tags:
        for tag in tags:
            if tag.id not in rule.tags or tag.score < rule.at_least:
                continue
            total = sum(max(0.0, evidence.weight) for evidence in tag.evidence)
            seen = [
                evidence for evidence in tag.evidence if evidence.axis in rule.axes and evidence.weight > 0
            ]
            if not seen or sum(evidence.weight for evidence in seen) < 0.5 * total:
                continue
            strongest = max(seen, key=lambda evidence: evidence.weight)
            yield _Hit(
                rule.category,
                rule.id,
                tag.id,
                rule.weight * tag.score,
                strongest.axis,
                tag.name.zh,
                strongest.signal,
                strongest.span,
                strongest.box,
            )


def _axis(signal: Signal) -> ReportAxis:
    axes: dict[str, ReportAxis] = {"face": "face", "text": "text", "speech": "speech", "user": "user"}
    axes |= {"audio": "audio", "music": "audio"}
    return axes.get(signal.axis, "image")


def _place(
    signal: Signal | None,
) -> tuple[str | None, tuple[float, float] | None, tuple[float, float, float, float] | None]:
    """Id, span and box of a signal, as a report holds them."""
    if signal is None:
        return None, None, None
    span = (signal.span.start, signal.span.end) if signal.span else None
    box = (signal.box.x, signal.box.y, signal.box.w, signal.box.h) if signal.box else None
    return signal.id or None, span, box


def _confidence(hits: Sequence[_Hit]) -> dict[str, float]:
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


def _strongest(policy: Policy, hits: Sequence[_Hit]) -> list[_Hit]:
    ranked = sorted(hits, key=lambda hit: -policy.categories[hit.category].severity * hit.score)
    return ranked[:_MAX_HITS]


def _report(policy: Policy, hit: _Hit) -> ModerationHit:
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
    )
