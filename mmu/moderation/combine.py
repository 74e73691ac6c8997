"""Combinations: several things together, at once or within some seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from mmu.moderation.hits import Hit, Video, axis_of, people_who, place, signal_meets
from mmu.moderation.policy import Policy
from mmu.moderation.policy_schema import Combination, Condition

#: sightings of one part that are tried with those of the others, the surest first
MAX_SIGHTINGS = 40


def combination_hits(policy: Policy, video: Video, hits: Sequence[Hit]) -> Iterator[Hit]:
    """The hit of each combination that holds: its place is the sighting that is rarest in the video."""
    for rule in policy.file.combinations:
        found = _sightings(rule.when, policy, video, hits)
        if found:
            best = max(found, key=lambda hit: hit.score)
            yield _as_hit(rule, best)


def _as_hit(rule: Combination, found: Hit) -> Hit:
    score = rule.score * found.score
    return replace(found, category=rule.category, rule=rule.id, score=score, shadow=rule.shadow)


def _sightings(condition: Condition, policy: Policy, video: Video, hits: Sequence[Hit]) -> list[Hit]:
    if not (condition.all or condition.any or condition.none):
        return _strongest(_tested(condition, policy, video, hits))
    if any(_sightings(part, policy, video, hits) for part in condition.none):
        return []
    found: list[Hit] = []
    if condition.any:
        found = [hit for part in condition.any for hit in _sightings(part, policy, video, hits)]
        if not found or not condition.all:
            return _strongest(found)
    parts = [_sightings(part, policy, video, hits) for part in condition.all]
    if found:
        parts.append(_strongest(found))
    if not all(parts):
        return []
    return _strongest(_together(chosen, condition.within) for chosen in _limited(parts))


def _limited(parts: Sequence[list[Hit]]) -> Iterator[tuple[Hit, ...]]:
    """Ways to take one sighting of each part; fewer of each when there are many parts."""
    each = max(2, int(4096 ** (1 / len(parts))))
    yield from product(*(part[:each] for part in parts))


def _together(hits: Sequence[Hit], within: float | None) -> Hit | None:
    spans = [hit.span for hit in hits if hit.span is not None]
    if within is not None and spans:
        gap = max(start for start, _ in spans) - min(end for _, end in spans)
        if gap > within:
            return None
    score = 1.0
    for hit in hits:
        score = min(score, hit.score)
    first = min((hit for hit in hits if hit.span), key=lambda hit: hit.span or (0.0, 0.0), default=hits[0])
    boxed = next((hit for hit in hits if hit.box is not None), first)
    span = (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None
    return replace(
        first,
        term=" & ".join(hit.term for hit in hits),
        score=score,
        text=" & ".join(hit.text or hit.term for hit in hits),
        span=span,
        signal=boxed.signal,
        box=boxed.box,
        axis=boxed.axis,
    )


def _tested(condition: Condition, policy: Policy, video: Video, hits: Sequence[Hit]) -> Iterator[Hit]:
    if condition.rule is not None:
        yield from (
            hit for hit in hits if hit.rule == condition.rule and hit.score >= min(condition.at_least, 0.1)
        )
    elif condition.words:
        lexicon = policy.condition_words[condition.words]
        for unit in video.units:
            for match in lexicon.find(unit.text):
                term = "+".join(part.strip() for part in match.entry.parts)
                shown = unit.text[max(0, match.start - 10) : match.end + 10]
                yield Hit("", "", term, match.entry.score, unit.axis, shown, *place(unit.signal))
    elif condition.tags:
        for tag in video.tags:
            if tag.id in condition.tags and tag.score >= condition.at_least:
                for one in tag.evidence:
                    yield Hit("", "", tag.id, tag.score, one.axis, tag.name.zh, one.signal, one.span, one.box)
    elif condition.signal is not None:
        for signal in video.signals:
            if signal_meets(condition.signal, signal):
                score = 1.0 if signal.score is None else signal.score
                yield Hit(
                    "", "", str(signal.value or signal.kind), score, axis_of(signal), None, *place(signal)
                )
    elif condition.person is not None:
        yield from people_who(condition.person, video.signals)


def _strongest(hits: Iterable[Hit | None]) -> list[Hit]:
    return sorted((hit for hit in hits if hit is not None), key=lambda hit: -hit.score)[:MAX_SIGHTINGS]
