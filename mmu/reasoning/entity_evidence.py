"""Entities of a report: names from title, topics, screen and speech, and those of known faces and voices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from math import prod

from kg.linker import normalise
from mmu.reasoning.entities import Named, NameFound, Recogniser
from mmu.report.schema import Person
from mmu.report.schema_base import Name, ReportAxis
from mmu.report.schema_entities import Entity, EntityField, EntityKind, EntityMention
from mmu.report.schema_heard import Speaker
from mmu.signals import Signal, SignalSet

#: where text stands: kind of signal -> field, axis, how far its words are taken for what is meant
_TEXTS: dict[str, tuple[EntityField, ReportAxis, float]] = {
    "user.title": ("title", "user", 1.0),
    "user.topic": ("topic", "user", 0.9),
    "text.line": ("screen", "text", 0.9),
    "speech.segment": ("speech", "speech", 0.8),
}
#: entities below this are left out; most kept; mentions kept of each
_LEAST, _MOST, _MENTIONS = 0.35, 40, 12


def gather_entities(
    signals: SignalSet,
    recogniser: Recogniser | None,
    *,
    kept: Collection[str],
    people: Sequence[Person] = (),
    speakers: Sequence[Speaker] = (),
) -> list[Entity]:
    """All named things of one video, the surest first.

    Each axis counts once, with its surest mention; belief of several axes adds up as that of independent
    witnesses.

    Args:
        signals: of one video.
        recogniser: finds names in text; None = only people of the galleries.
        kept: topics of the user that belong to the video; names of others are no evidence.
        people: faces, some with names of the gallery.
        speakers: voices, the same.
    """
    found: dict[str, list[tuple[Named, EntityMention]]] = defaultdict(list)
    for named, mention in [*_known(people, speakers), *_written(signals, recogniser, kept)]:
        found[normalise(named.name.zh)].append((named, mention))
    entities = [_entity(group) for group in _one_kind_each(found.values())]
    sure = [one for one in entities if one.score >= _LEAST]
    return sorted(sure, key=lambda one: (-one.score, one.id))[:_MOST]


def _known(people: Sequence[Person], speakers: Sequence[Speaker]) -> Iterator[tuple[Named, EntityMention]]:
    for person in people:
        if person.name and person.signals:
            span = person.spans[0] if person.spans else None
            yield (
                _person(person.name),
                EntityMention(
                    axis="face",
                    where="face",
                    signal=person.signals[0],
                    text=person.name,
                    span=span,
                    box=person.box,
                    weight=person.name_score or 0.0,
                    source="gallery",
                ),
            )
    for speaker in speakers:
        if speaker.name:
            yield (
                _person(speaker.name),
                EntityMention(
                    axis="speech",
                    where="voice",
                    signal=speaker.signal,
                    text=speaker.name,
                    span=speaker.turns[0] if speaker.turns else None,
                    weight=speaker.name_score or 0.0,
                    source="gallery",
                ),
            )


def _person(name: str) -> Named:
    return Named(f"person:{normalise(name)}", "person", Name(zh=name, en=name))


def _written(
    signals: SignalSet, recogniser: Recogniser | None, kept: Collection[str]
) -> Iterator[tuple[Named, EntityMention]]:
    if recogniser is None:
        return
    seen: dict[str, list[NameFound]] = {}
    for signal in signals.of(*_TEXTS):
        text = str(signal.value or "")
        if not text or (signal.kind == "user.topic" and text not in kept):
            continue
        if text not in seen:
            seen[text] = recogniser.find(text)
        for one in seen[text]:
            yield one.named, _mention(one, signal, text)


def _mention(found: NameFound, signal: Signal, text: str) -> EntityMention:
    where, axis, trust = _TEXTS[signal.kind]
    read = 1.0 if signal.score is None else signal.score
    return EntityMention(
        axis=axis,
        where=where,
        signal=signal.id,
        text=text[found.start : found.end],
        at=(found.start, found.end),
        span=None if signal.span is None else (round(signal.span.start, 3), round(signal.span.end, 3)),
        box=None if signal.box is None else signal.box.rounded(),
        weight=round(min(1.0, found.belief * trust * read), 4),
        source=found.source,
    )


def _one_kind_each(
    groups: Iterable[list[tuple[Named, EntityMention]]],
) -> Iterator[tuple[Named, list[EntityMention]]]:
    """Equal names are one thing, of the kind that most belief speaks for; known people keep theirs."""
    merged: dict[str, tuple[Named, list[EntityMention]]] = {}
    for group in groups:
        votes: dict[EntityKind, float] = defaultdict(float)
        for named, mention in group:
            votes[named.kind] += mention.weight + (10.0 if mention.source == "gallery" else 0.0)
        kind = max(votes, key=lambda one: votes[one])
        first = max(
            (named for named, _ in group if named.kind == kind),
            key=lambda one: (one.concept is not None, one.id),
        )
        merged.setdefault(first.id, (first, []))[1].extend(mention for _, mention in group)
    yield from merged.values()


def _entity(group: tuple[Named, list[EntityMention]]) -> Entity:
    named, mentions = group
    best: dict[ReportAxis, float] = defaultdict(float)
    for mention in mentions:
        best[mention.axis] = max(best[mention.axis], mention.weight)
    ranked = sorted(mentions, key=lambda one: (-one.weight, one.span or (0.0, 0.0)))
    return Entity(
        id=named.id,
        kind=named.kind,
        name=named.name,
        score=round(1.0 - prod(1.0 - weight for weight in best.values()), 4),
        concept=named.concept,
        mentions=ranked[:_MENTIONS],
    )
