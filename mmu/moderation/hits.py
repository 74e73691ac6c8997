"""Hits of a policy's rules on one video."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mmu.moderation.contacts import find_contacts
from mmu.moderation.policy import Policy
from mmu.moderation.policy_schema import PersonTest, TagRule, _SignalTest
from mmu.moderation.texts import TextAxis, TextUnit
from mmu.report.schema import ReportAxis, Tag
from mmu.signals import Signal

#: characters of a text shown on either side of a hit
AROUND = 14
#: what is read or heard is less certain than what was typed
TRUST: dict[TextAxis, float] = {"user": 1.0, "text": 0.95, "speech": 0.9}
#: years
ADULT = 18.0
#: standard deviation of an age estimate that states none
AGE_SPREAD = 8.0

Place = tuple[str | None, tuple[float, float] | None, tuple[float, float, float, float] | None]


@dataclass(frozen=True, slots=True)
class Hit:
    """One rule that one thing of the video meets; `softened` says what lowered its score."""

    category: str
    rule: str
    term: str
    score: float
    axis: ReportAxis
    text: str | None = None
    signal: str | None = None
    span: tuple[float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    softened: tuple[str, ...] = ()
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Video:
    """What rules look at."""

    signals: Sequence[Signal]
    tags: Sequence[Tag]
    units: Sequence[TextUnit]


def text_units(signals: Sequence[Signal], title: str, topics: Sequence[str]) -> Iterator[TextUnit]:
    """The texts of a video: what its user typed, lines on screen, segments of speech."""
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


def contexts_of(policy: Policy, units: Iterable[TextUnit]) -> set[str]:
    """Ids of the innocent contexts whose words the texts hold."""
    return {match.entry.rule for unit in units for match in policy.context_lexicon.find(unit.text)}


def softening(policy: Policy, category: str, about: set[str]) -> tuple[float, tuple[str, ...]]:
    """The factor of the strongest context that holds for a category, and the contexts' ids."""
    holding = [
        name
        for name in about
        if policy.contexts[name].factor < 1.0
        and (not policy.contexts[name].categories or category in policy.contexts[name].categories)
    ]
    return min((policy.contexts[name].factor for name in holding), default=1.0), tuple(sorted(holding))


def text_hits(policy: Policy, units: Sequence[TextUnit], about: set[str], calm: float = 1.0) -> list[Hit]:
    """Hits of word lists and contact rules, one a term and axis; `calm` is the factor of a harmless whole."""
    shadows = {rule.id: rule.shadow for rule in policy.file.rules}
    best: dict[tuple[str, str, str], Hit] = {}
    for unit in units:
        for rule_id, category, term, score, start, end in _found(policy, unit):
            factor, why = softening(policy, category, about)
            if rule_id in policy.word_rules and calm < 1.0:
                factor, why = factor * calm, (*why, "harmless")
            score *= TRUST[unit.axis] * factor
            if score <= 0:
                continue
            shown = unit.text[max(0, start - AROUND) : end + AROUND].strip()
            hit = Hit(
                category, rule_id, term, score, unit.axis, shown, *place(unit.signal), why, shadows[rule_id]
            )
            key = (rule_id, term, unit.axis)
            if key not in best or best[key].score < hit.score:
                best[key] = hit
    return list(best.values())


def _found(policy: Policy, unit: TextUnit) -> Iterator[tuple[str, str, str, float, int, int]]:
    role = unit.signal.attributes.get("role") if unit.signal else None
    for match in policy.lexicon.find(unit.text):
        rule = policy.word_rules[match.entry.rule]
        if unit.axis in rule.axes and (not rule.roles or role in rule.roles):
            term = "+".join(part.strip() for part in match.entry.parts)
            score = match.entry.score * match.trust * rule.trust.get(unit.axis, 1.0)
            yield rule.id, rule.category, term, score, match.start, match.end
    for contact_rule in policy.file.contacts:
        if unit.axis not in contact_rule.axes:
            continue
        for contact in find_contacts(unit.text):
            weight = contact_rule.kinds.get(contact.kind, 0.0) * contact.score
            if weight:
                yield contact_rule.id, contact_rule.category, contact.kind, weight, contact.start, contact.end


def signal_hits(policy: Policy, signals: Sequence[Signal]) -> Iterator[Hit]:
    """Hits of rules over signals."""
    for rule in policy.file.signals:
        for signal in signals:
            if signal_meets(rule, signal):
                term = str(signal.value or signal.kind)
                score = rule.weight * (1.0 if signal.score is None else signal.score)
                shown = str(signal.attributes.get("text", "")) or None
                yield Hit(
                    rule.category,
                    rule.id,
                    term,
                    score,
                    axis_of(signal),
                    shown,
                    *place(signal),
                    (),
                    rule.shadow,
                )


def signal_meets(test: _SignalTest, signal: Signal) -> bool:
    """Whether a signal is what a test asks for; a test without any bound wants a score of at least 0.5."""
    if signal.kind != test.kind or (test.values and signal.value not in test.values):
        return False
    if any(str(signal.attributes.get(name)) != value for name, value in test.where.items()):
        return False
    if test.above is not None or test.below is not None:
        if not isinstance(signal.value, int | float):
            return False
        if test.above is not None and not signal.value > test.above:
            return False
        if test.below is not None and not signal.value < test.below:
            return False
        return test.at_least is None or (signal.score or 0.0) >= test.at_least
    return signal.score is not None and signal.score >= (0.5 if test.at_least is None else test.at_least)


def tag_hits(policy: Policy, tags: Sequence[Tag]) -> Iterator[Hit]:
    """Hits of rules over tags."""
    for rule in policy.file.tags:
        for tag in tags:
            hit = tag_meets(rule, tag)
            if hit is not None:
                yield hit


def tag_meets(rule: TagRule, tag: Tag) -> Hit | None:
    """The hit of a tag whose evidence comes for the better half from the rule's axes."""
    if tag.id not in rule.tags or tag.score < rule.at_least:
        return None
    total = sum(max(0.0, evidence.weight) for evidence in tag.evidence)
    seen = [one for one in tag.evidence if one.axis in rule.axes and one.weight > 0]
    if not seen or sum(evidence.weight for evidence in seen) < 0.5 * total:
        return None
    best = max(seen, key=lambda evidence: evidence.weight)
    return Hit(
        rule.category, rule.id, tag.id, rule.weight * tag.score, best.axis, tag.name.zh,
        best.signal, best.span, best.box, (), rule.shadow,
    )  # fmt: skip


def person_hits(policy: Policy, signals: Sequence[Signal]) -> Iterator[Hit]:
    """Hits of rules over people."""
    for rule in policy.file.people:
        for hit in people_who(rule, signals):
            yield Hit(
                rule.category, rule.id, hit.term, rule.score * hit.score, "face", hit.text,
                hit.signal, hit.span, hit.box, (), rule.shadow,
            )  # fmt: skip


def people_who(test: PersonTest, signals: Sequence[Signal]) -> Iterator[Hit]:
    """Faces that a test is about, with the probability that they are: named ones, likely minors."""
    if test.named or test.names:
        for signal in signals:
            name = signal.attributes.get("name") if signal.kind == "face.person" else None
            if name and (not test.names or name in test.names):
                match = float(signal.attributes.get("match", 1.0))
                yield Hit("", "", str(name), min(1.0, match), "face", str(name), *place(signal))
    if test.minor is not None:
        for signal in signals:
            if signal.kind == "face.age" and isinstance(signal.value, int | float):
                likely = minor_probability(float(signal.value), signal.attributes.get("spread"))
                if likely >= test.minor:
                    shown = f"about {signal.value:.0f} years, minor with probability {likely:.2f}"
                    yield Hit("", "", "minor", likely, "face", shown, *place(signal))


def minor_probability(age: float, spread: float | None) -> float:
    """That somebody estimated at `age` years is under 18: the estimate is normal with its spread (years)."""
    sigma = max(1.0, float(spread) if spread else AGE_SPREAD)
    return 0.5 * math.erfc((age - ADULT) / (sigma * 2**0.5))


def axis_of(signal: Signal) -> ReportAxis:
    """The report's axis of a signal."""
    axes: dict[str, ReportAxis] = {"face": "face", "text": "text", "speech": "speech", "user": "user"}
    axes |= {"audio": "audio", "music": "audio"}
    return axes.get(signal.axis, "image")


def place(signal: Signal | None) -> Place:
    """Id, span and box of a signal, as a report holds them."""
    if signal is None:
        return None, None, None
    span = (signal.span.start, signal.span.end) if signal.span else None
    box = (signal.box.x, signal.box.y, signal.box.w, signal.box.h) if signal.box else None
    return signal.id or None, span, box
