"""What happens when: a short timeline of one video, shot by shot.

Neighbouring shots of which the same can be said are one event, and a long
video is brought down to as many events as a person reads. For every event the
evidence that falls into it is fused on its own, so an event says what is seen
and heard then, and not what the video is about as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kg import Graph
from mmu.reasoning.event_text import describe
from mmu.reasoning.fuse import Fused, fuse
from mmu.reasoning.observe import Observation
from mmu.reasoning.settings import FusionSettings
from mmu.report.schema import Event, EventFact, Name, Person, ReportAxis, TextLine, TranscriptSegment
from mmu.signals import Signal, SignalSet, Span

#: events of one video at most
MAX_EVENTS = 24
#: spans that are looked at one by one; more shots than that are joined by time first
MAX_SHOTS = 240
#: facts from this score on are told
TELLING = 0.42
#: facts of a facet that one event tells
TOLD = {"person": 1, "action": 2, "scene": 1, "element": 3}
#: neighbouring shots whose facts and people agree to this share (Jaccard) are one event
SAME = 0.6
#: seconds of a person, or of a sound, in an event that are worth a word
SEEN_SECONDS = 0.3
#: sources that describe the whole video and no moment of it
TIMELESS = frozenset({"style", "language", "text_role", "speech", "audio_class"})


@dataclass(slots=True)
class _Piece:
    """A stretch of the video and what is believed in it."""

    span: Span
    shots: int
    facts: list[EventFact]
    people: list[str]
    #: concepts that words on screen or said name, and not only lead to
    named: frozenset[str]

    @property
    def content(self) -> frozenset[str]:
        return frozenset([*(fact.concept for fact in self.facts), *self.people])


@dataclass(frozen=True, slots=True)
class _Scene:
    """Everything that events of one video are made from."""

    observations: list[Observation]
    people: Sequence[Person]
    graph: Graph
    settings: FusionSettings

    def piece(self, span: Span, shots: int) -> _Piece:
        inside = [one for one in self.observations if _within(one.span, span)]
        facts = _facts(inside, self.graph, self.settings)
        named = frozenset(one.concept for one in inside if self._is_named(one))
        people = [person.id for person in self.people if _seconds(person, span) >= _enough(span)]
        return _Piece(span, shots, facts, people, named)

    def _is_named(self, one: Observation) -> bool:
        """Whether words name the concept: an observation is made of the signal, before the graph leads on."""
        words = self.settings.sources[one.group].axis in ("text", "speech")
        return words and any(step.kind == "alias" for step in one.path)


def tell_events(
    signals: SignalSet,
    observations: Sequence[Observation],
    graph: Graph,
    settings: FusionSettings,
    *,
    transcript: Sequence[TranscriptSegment],
    lines: Sequence[TextLine],
    people: Sequence[Person],
    duration: float,
) -> list[Event]:
    """The events of one video in order; empty for a still picture, or where nothing can be said.

    Args:
        signals: shots and sounds are read from here.
        observations: of the video; those of the user and those without a time are left out.
        graph: names concepts and says which is broader.
        settings: of the fusion.
        transcript: quoted in the event in which a segment begins.
        lines: quoted in the event in which they appear; watermarks are left out.
        people: of the report.
        duration: seconds of the video.
    """
    if duration <= 0:
        return []
    timed = [
        one
        for one in observations
        if one.span is not None and one.group not in TIMELESS and settings.sources[one.group].axis != "user"
    ]
    scene = _Scene(timed, people, graph, settings)
    pieces = _join([scene.piece(span, shots) for span, shots in _spans(signals, duration)], scene)
    events = []
    for piece in pieces:
        said = [one for one in transcript if _begins(one.start, piece.span, pieces)]
        shown = [one for one in lines if one.role != "watermark" and _begins(one.start, piece.span, pieces)]
        sounds = _sounds(signals, piece.span, graph)
        if piece.facts or piece.people or said or shown or sounds:
            events.append(_event(piece, said, shown, sounds, people, graph))
    return events


def _event(
    piece: _Piece,
    said: Sequence[TranscriptSegment],
    shown: Sequence[TextLine],
    sounds: Sequence[tuple[Name, Signal]],
    people: Sequence[Person],
    graph: Graph,
) -> Event:
    present = [person for person in people if person.id in piece.people]
    words = " ".join(one.text.strip() for one in said)
    written = list(dict.fromkeys(one.text.strip() for one in shown))
    heard = list({name.en: name for name, _ in sounds}.values())
    evidence = [signal for fact in piece.facts for signal in fact.signals]
    evidence += [signal for person in present for signal in person.signals[:1]]
    evidence += [one.signal for one in said] + [one.signal for one in shown]
    evidence += [signal.id for _, signal in sounds]
    return Event(
        start=round(piece.span.start, 3),
        end=round(piece.span.end, 3),
        shots=piece.shots,
        text=describe(piece.facts, present, words, written, heard, piece.named),
        facts=piece.facts,
        people=piece.people,
        said=words,
        on_screen=written,
        sounds=heard,
        signals=list(dict.fromkeys(evidence)),
    )


def _spans(signals: SignalSet, duration: float) -> list[tuple[Span, int]]:
    """Shots (or, without a picture, stretches of one kind of sound), so joined that they are not too many."""
    spans = sorted(one.span for one in signals.of("media.shot") if one.span is not None)
    if not spans:
        edges = sorted({edge for one in signals.of("audio.segment") if one.span for edge in one.span})
        inner = [edge for edge in edges if 1.0 <= edge <= duration - 1.0]
        spans = [Span(a, b) for a, b in zip([0.0, *inner], [*inner, duration], strict=True) if b > a]
        return _bins([(span, 0) for span in spans], duration)
    return _bins([(span, 1) for span in spans], duration)


def _bins(spans: list[tuple[Span, int]], duration: float) -> list[tuple[Span, int]]:
    if len(spans) <= MAX_SHOTS:
        return spans
    joined: list[tuple[Span, int]] = []
    for span, shots in spans:
        last = joined[-1] if joined else None
        if last is not None and span.end - last[0].start <= duration / MAX_SHOTS:
            joined[-1] = (Span(last[0].start, span.end), last[1] + shots)
        else:
            joined.append((span, shots))
    return joined


def _join(pieces: list[_Piece], scene: _Scene) -> list[_Piece]:
    """Join neighbours that say the same, then the most alike and shortest ones until few enough are left."""
    pieces = list(pieces)
    while len(pieces) > 1:
        costs = [_difference(a, b, len(pieces)) for a, b in pairwise(pieces)]
        at = min(range(len(costs)), key=costs.__getitem__)
        alike = _similarity(pieces[at], pieces[at + 1])
        if alike < SAME and len(pieces) <= MAX_EVENTS:
            break
        a, b = pieces[at], pieces[at + 1]
        pieces[at : at + 2] = [scene.piece(Span(a.span.start, b.span.end), a.shots + b.shots)]
    return pieces


def _difference(a: _Piece, b: _Piece, count: int) -> float:
    """What joining two neighbours costs; while there are too many, short ones are cheap to join."""
    different = 1.0 - _similarity(a, b)
    if count <= MAX_EVENTS:
        return different
    return (0.2 + different) * min(a.span.seconds, b.span.seconds)


def _similarity(a: _Piece, b: _Piece) -> float:
    both = a.content | b.content
    return len(a.content & b.content) / len(both) if both else 1.0


def _facts(observations: Sequence[Observation], graph: Graph, settings: FusionSettings) -> list[EventFact]:
    """The most telling concepts of one stretch, a few of each facet, no broader word of another one."""
    believed = [
        one
        for one in fuse(observations, graph, settings).values()
        if one.score >= TELLING and one.shares and graph.concepts[one.concept].taggable
    ]
    told = {above for one in believed for above in graph.ancestors(one.concept)}
    left = dict(TOLD)
    facts = []
    for one in sorted(believed, key=lambda fused: (-fused.score, fused.concept)):
        node = graph.concepts[one.concept]
        if one.concept in told or not left.get(node.facet):
            continue
        left[node.facet] -= 1
        facts.append(_fact(one, graph))
        # what follows from it is no news
        told |= node.implies.keys()
    return facts


def _fact(fused: Fused, graph: Graph) -> EventFact:
    node = graph.concepts[fused.concept]
    strongest = sorted(fused.shares, key=lambda share: -share[2])[:4]
    by_axis: Counter[ReportAxis] = Counter()
    for _, axis, share in fused.shares:
        by_axis[axis] += share  # type: ignore[assignment]
    return EventFact(
        concept=node.id,
        name=Name(zh=node.zh, en=node.en),
        facet=node.facet,
        score=fused.score,
        axis=by_axis.most_common(1)[0][0],
        signals=list(dict.fromkeys(observation.signal.id for observation, _, _ in strongest)),
    )


def _sounds(signals: SignalSet, span: Span, graph: Graph) -> list[tuple[Name, Signal]]:
    """What is heard beside speech for a good part of the stretch."""
    heard = []
    for signal in signals.of("audio.event", "audio.segment"):
        if signal.span is None or signal.span.overlap(span) < max(_enough(span), 0.25 * span.seconds):
            continue
        name = SOUND_NAMES.get(str(signal.value))
        if signal.kind == "audio.event" and name is None:
            name = _sound_name(signal, graph)
        if name is not None and signal.value != "silence":
            heard.append((name, signal))
    return heard


def _sound_name(signal: Signal, graph: Graph) -> Name:
    """The name of the concept that the label stands for; the label itself where there is none."""
    label = str(signal.value)
    for concept, _ in graph.label(str(signal.attributes.get("vocabulary", "")), label):
        node = graph.concepts[concept]
        return Name(zh=node.zh, en=node.en)
    return Name(zh=label, en=label.replace("_", " "))


SOUND_NAMES = {
    "music": Name(zh="音乐", en="music"),
    "singing": Name(zh="歌声", en="singing"),
    "noise": Name(zh="环境声", en="background sound"),
}


def _enough(span: Span) -> float:
    return min(SEEN_SECONDS, 0.5 * span.seconds)


def _seconds(person: Person, span: Span) -> float:
    return sum(Span(start, end).overlap(span) for start, end in person.spans)


def _within(inner: Span | None, span: Span) -> bool:
    """Whether a signal belongs to the stretch: it covers a good part of it, or lies mostly inside."""
    if inner is None:
        return False
    shared = inner.overlap(span)
    return shared > 0 and shared >= 0.3 * min(max(inner.seconds, 1e-6), span.seconds)


def _begins(time: float, span: Span, pieces: Sequence[_Piece]) -> bool:
    """Whether a moment falls into the stretch; the last one also takes what begins at its end or later."""
    if span == pieces[0].span and time < span.start:
        return True
    return span.start <= time < span.end or (span == pieces[-1].span and time >= span.end)
