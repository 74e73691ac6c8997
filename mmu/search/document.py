"""What the index keeps of one report: passages of text, things shown and heard, facts to filter by."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from kg import Graph
from kg.linker import normalise
from mmu.errors import ConfigError
from mmu.outcome import Outcome
from mmu.report.schema import Report

Field = Literal["title", "topic", "caption", "screen", "speech"]
Times = tuple[float, float]
#: signals whose value is a label of a vocabulary, and how far such a label alone is believed
LABELS = {
    "image.label": 0.7,
    "image.object": 0.9,
    "image.scene": 0.8,
    "image.style": 0.8,
    "image.colour": 0.6,
    "person.gesture": 0.7,
    "person.action": 0.8,
    "audio.event": 0.7,
    "music.tag": 0.6,
}
#: things kept of a video, the surest first
MOST_THINGS = 64
MOST_PASSAGES = 400
_LEAST = 0.02
_FACTS = ("id", "uri", "title", "duration", "category", "decision", "language", "facets")
#: characters of text that are embedded together, and the most such pieces
PIECE, MOST_PIECES = 160, 8


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the video; `span` in seconds, None where it belongs to the whole."""

    field: Field
    text: str
    span: Times | None = None


@dataclass(slots=True)
class Thing:
    """Something shown, heard or named.

    `key` is the id of a concept, or `label:…` for a label that is none, `name:…` for an entity, `song:…` for
    a track of the user's library.
    """

    key: str
    text: str
    score: float
    spans: list[Times] = field(default_factory=list)
    why: str = ""


@dataclass(slots=True)
class Document:
    """One video as the index keeps it."""

    id: str
    uri: str
    title: str
    duration: float
    category: str
    decision: str
    language: str
    facets: dict[str, str]
    things: list[Thing]
    passages: list[Passage]

    @property
    def name(self) -> str:
        """The title, or the file's name."""
        return self.title or PurePosixPath(self.uri).name or self.id[:12]

    def pieces(self) -> list[tuple[str, Times | None]]:
        """The passages joined to pieces of about a paragraph, each with the times it is said or shown."""
        found: list[tuple[str, Times | None]] = []
        for fields in (("title", "topic"), ("caption",), ("screen",), ("speech",)):
            texts: list[str] = []
            span: Times | None = None
            for passage in (one for one in self.passages if one.field in fields):
                if texts and (sum(map(len, texts)) > PIECE or fields == ("caption",)):
                    found.append((" ".join(texts), span))
                    texts, span = [], None
                texts.append(passage.text[: 2 * PIECE])
                if passage.span:
                    span = (
                        (min(span[0], passage.span[0]), max(span[1], passage.span[1]))
                        if span
                        else passage.span
                    )
            if texts:
                found.append((" ".join(texts), span))
        return found[:MOST_PIECES]

    def pack(self) -> bytes:
        """As compressed JSON."""
        data = {name: getattr(self, name) for name in _FACTS}
        data["things"] = [[one.key, one.text, one.score, one.spans, one.why] for one in self.things]
        data["passages"] = [[one.field, one.text, one.span] for one in self.passages]
        return zlib.compress(json.dumps(data, ensure_ascii=False).encode(), 3)

    @classmethod
    def unpack(cls, blob: bytes) -> Document:
        """What `pack` wrote."""
        data: dict[str, Any] = json.loads(zlib.decompress(blob))
        data["things"] = [
            Thing(key, text, score, _times(spans), why) for key, text, score, spans, why in data["things"]
        ]
        data["passages"] = [
            Passage(field, text, tuple(span) if span else None) for field, text, span in data["passages"]
        ]
        return cls(**data)


def from_report(report: Report, graph: Graph) -> Document:
    """What the index keeps of a report.

    Raises:
        ConfigError: the report is of a file that could not be read.
    """
    if not report.id or report.outcome == Outcome.FAILED:
        raise ConfigError(f"{report.uri}: the report says failed; there is nothing to find")
    return Document(
        id=report.id,
        uri=report.uri,
        title=report.title,
        duration=report.media.duration if report.media else 0.0,
        category=report.category.id if report.category else "",
        decision=report.moderation.decision if report.moderation else "",
        language=report.language or "",
        facets={tag.id: tag.facet for tag in report.tags},
        things=_things(report, graph),
        passages=_passages(report)[:MOST_PASSAGES],
    )


def _things(report: Report, graph: Graph) -> list[Thing]:
    found: dict[str, Thing] = {}
    for tag in report.tags:
        best = max(tag.evidence, key=lambda one: one.weight)
        why = " → ".join(step.text for step in best.path)
        found[tag.id] = Thing(tag.id, f"{tag.name.zh} {tag.name.en}", tag.score, list(tag.spans), why)
    for signal in report.signals:
        trust = LABELS.get(signal["kind"])
        if trust is None or not isinstance(signal["value"], str):
            continue
        attributes = signal.get("attributes", {})
        score = trust * float(attributes.get("peak") or signal["score"] or 0.0)
        spans: list[Times] = [tuple(signal["span"])] if signal["span"] else []
        concepts = graph.label(str(attributes.get("vocabulary", "")), signal["value"])
        names = [(concept, weight) for concept, weight in concepts if concept in graph]
        for key, weight in names or [(f"label:{signal['value']}", 1.0)]:
            text = _name(graph, key)
            other = Thing(key, text, score * weight, spans, f"{signal['kind']}: {signal['value']}")
            known = found.get(key)
            if known is None:
                found[key] = other
            elif known.why.startswith(signal["kind"]):
                known.score = max(known.score, other.score)
                known.spans = sorted({*known.spans, *spans})
    ranked = sorted(found.values(), key=lambda thing: -thing.score)[:MOST_THINGS]
    return [*_named(report), *(thing for thing in ranked if thing.score >= _LEAST)]


def _named(report: Report) -> list[Thing]:
    """Entities and songs: they are few, and what is asked for by name must not fall behind labels."""
    found = []
    for one in report.entities:
        spans = sorted({mention.span for mention in one.mentions if mention.span})
        text = one.name.zh if one.name.zh == one.name.en else f"{one.name.zh} {one.name.en}"
        best = one.mentions[0]
        found.append(Thing(f"name:{one.id}", text, one.score, spans, f"{best.where}: {best.text}"))
    songs: dict[str, Thing] = {}
    for song in report.music.songs if report.music else ():
        thing = songs.setdefault(
            song_key(song.title), Thing(song_key(song.title), song.title, song.score, [], "music.song")
        )
        thing.spans.append((song.start, song.end))
        thing.score = max(thing.score, song.score)
    return [*found, *songs.values()]


def song_key(title: str) -> str:
    """The key of a track of the user's library."""
    return f"song:{normalise(title)}"


def _name(graph: Graph, key: str) -> str:
    concept = graph.concepts.get(key)
    return key.removeprefix("label:").replace("_", " ") if concept is None else f"{concept.zh} {concept.en}"


def _passages(report: Report) -> list[Passage]:
    found = [Passage("title", report.title)] if report.title else []
    found += [
        Passage("topic", topic.canonical) for topic in report.topics if topic.action in ("keep", "merge")
    ]
    if report.caption:
        found += [Passage("caption", report.caption.text.zh), Passage("caption", report.caption.text.en)]
    found += [Passage("screen", line.text, (line.start, line.end)) for line in report.on_screen_text]
    found += [Passage("speech", one.text, (one.start, one.end)) for one in report.transcript]
    return [passage for passage in found if passage.text.strip()]


def _times(spans: Iterable[Any]) -> list[Times]:
    return [(start, end) for start, end in spans]
