"""Reasoning: from the signals of a video to what the report says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kg import Graph
from mmu.moderation.decide import TextJudge, decide
from mmu.moderation.policy import Policy
from mmu.reasoning.caption import write_caption
from mmu.reasoning.caption_facts import Medium
from mmu.reasoning.category import choose_category
from mmu.reasoning.contradictions import as_signal, find_contradictions
from mmu.reasoning.emotion import judge_emotion
from mmu.reasoning.entities import Recogniser
from mmu.reasoning.entity_evidence import gather_entities
from mmu.reasoning.events import tell_events
from mmu.reasoning.fuse import fuse
from mmu.reasoning.music import gather_music
from mmu.reasoning.observe import observe
from mmu.reasoning.people import gather_people
from mmu.reasoning.quality import judge_quality
from mmu.reasoning.select import specific, to_tags
from mmu.reasoning.settings import FusionSettings
from mmu.reasoning.similarity import TopicSimilarity
from mmu.reasoning.speakers import gather_speakers, write_transcript
from mmu.reasoning.topics import judge_topics, suggest_topics
from mmu.report.schema import (
    Caption,
    Category,
    Contradiction,
    Emotion,
    Entity,
    Event,
    Moderation,
    Originality,
    Person,
    Quality,
    Tag,
    TextLine,
    TopicDecision,
)
from mmu.report.schema_heard import Music, Speaker, TranscriptSegment
from mmu.signals import Signal, SignalSet

#: tags from this score are worth a word in the caption or a suggested topic
TELLING = 0.4
TEXT_ROLES = ("subtitle", "title", "overlay", "watermark", "scene")


@dataclass(slots=True)
class Understanding:
    """The reasoned part of a report."""

    tags: list[Tag] = field(default_factory=list)
    category: Category | None = None
    caption: Caption | None = None
    emotion: Emotion | None = None
    entities: list[Entity] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    quality: Quality | None = None
    topics: list[TopicDecision] = field(default_factory=list)
    moderation: Moderation | None = None
    people: list[Person] = field(default_factory=list)
    speakers: list[Speaker] = field(default_factory=list)
    language: str | None = None
    transcript: list[TranscriptSegment] = field(default_factory=list)
    on_screen_text: list[TextLine] = field(default_factory=list)
    music: Music | None = None
    originality: Originality | None = None


@dataclass(frozen=True, slots=True)
class Brain:
    """What reasoning knows: the graph, the numbers of the fusion, the policy, and nearness in meaning.

    `rule_factors` weigh the policy's rules, as reviewers' verdicts taught.
    """

    graph: Graph
    settings: FusionSettings
    policy: Policy
    similarity: TopicSimilarity | None = None
    rule_factors: Mapping[str, float] = field(default_factory=dict)
    classifier: TextJudge | None = None
    #: policies in shadow mode, evaluated beside the one that decides
    shadows: tuple[Policy, ...] = ()
    #: names are looked for with it; None = only those of known people
    recogniser: Recogniser | None = None

    def understand(
        self,
        signals: SignalSet,
        *,
        title: str = "",
        topics: Sequence[str] = (),
        duration: float = 0.0,
        medium: Medium = "video",
        frame: tuple[int, int] | None = None,
        embeddings: bool = False,
    ) -> Understanding:
        """Reason over the signals of one video and the words its user gave it."""
        observations = observe(signals, self.graph, self.settings, duration, frame=frame)
        transcript = write_transcript(signals)
        lines = _lines(signals)
        texts = [title, *(line.text for line in lines), *(segment.text for segment in transcript)]
        # What the user says of the video is no proof of what the user says of it.
        unprompted = [one for one in observations if self.settings.sources[one.group].axis != "user"]
        support = fuse(unprompted, self.graph, self.settings)
        decisions = judge_topics(
            topics, texts=texts, support=support, graph=self.graph, similarity=self.similarity
        )
        # A topic that was dropped is no evidence.
        kept = {one.topic for one in decisions if one.action in ("keep", "merge")}
        believed = [one for one in observations if one.group != "user.topic" or one.signal.value in kept]
        beliefs = fuse(believed, self.graph, self.settings)
        tags = to_tags(beliefs, self.graph, self.settings)
        telling = specific([tag for tag in tags if tag.score >= TELLING], self.graph)
        category = choose_category(tags, self.graph, duration=duration)
        people = gather_people(signals, embeddings=embeddings)
        speakers = gather_speakers(signals, embeddings=embeddings)
        emotion = judge_emotion(believed, self.graph, self.settings)
        contradictions = find_contradictions(
            observations, self.graph, self.settings, title=title, similarity=self.similarity
        )
        return Understanding(
            tags=tags,
            category=category,
            caption=write_caption(
                tags,
                category,
                self.graph,
                medium=medium,
                people=people,
                transcript=transcript,
                lines=lines,
                emotion=emotion,
            ),
            emotion=emotion,
            entities=gather_entities(signals, self.recogniser, kept=kept, people=people, speakers=speakers),
            events=tell_events(
                signals,
                observations,
                self.graph,
                self.settings,
                transcript=transcript,
                lines=lines,
                people=people,
                duration=0.0 if medium == "picture" else duration,
            ),
            contradictions=contradictions,
            quality=judge_quality(signals),
            topics=decisions + suggest_topics(decisions, telling, self.graph),
            moderation=self._moderate(
                [*signals, *map(as_signal, contradictions)], tags=tags, title=title, topics=topics
            ),
            people=people,
            speakers=speakers,
            language=_language(signals),
            transcript=transcript,
            on_screen_text=lines,
            music=gather_music(signals),
            originality=_originality(signals),
        )

    def _moderate(
        self, signals: Sequence[Signal], *, tags: Sequence[Tag], title: str, topics: Sequence[str]
    ) -> Moderation:
        embed = None if self.similarity is None else self.similarity.embed
        found, *others = [
            decide(
                policy,
                signals=signals,
                tags=tags,
                title=title,
                topics=topics,
                embed=embed,
                classifier=self.classifier,
                factors=self.rule_factors,
            )
            for policy in (self.policy, *self.shadows)
        ]
        found.shadows = others
        return found

    def tag(
        self,
        signals: SignalSet,
        *,
        duration: float,
        frame: tuple[int, int] | None = None,
        axes: frozenset[str] | None = None,
    ) -> list[Tag]:
        """Only the tags, from the evidence of the given report axes (default: all)."""
        observations = observe(signals, self.graph, self.settings, duration, frame=frame)
        return to_tags(fuse(observations, self.graph, self.settings, axes=axes), self.graph, self.settings)


def user_signals(title: str, topics: Sequence[str]) -> list[Signal]:
    """What the user said of the video, as signals of their own axis."""
    given = [Signal("user.title", title, None, None, "user")] if title else []
    return given + [Signal("user.topic", topic, None, None, "user") for topic in topics]


def _lines(signals: SignalSet) -> list[TextLine]:
    return [
        TextLine(
            start=0.0 if one.span is None else round(one.span.start, 3),
            end=0.0 if one.span is None else round(one.span.end, 3),
            text=str(one.value),
            role=one.attributes["role"] if one.attributes.get("role") in TEXT_ROLES else "scene",
            score=one.score,
            box=None if one.box is None else one.box.rounded(),
            signal=one.id,
        )
        for one in signals.of("text.line")
    ]


def _language(signals: SignalSet) -> str | None:
    spoken = signals.of("speech.language")
    return str(max(spoken, key=lambda one: one.score or 0.0).value) if spoken else None


def _originality(signals: SignalSet) -> Originality | None:
    hashes = signals.of("image.hash")
    if not hashes:
        return None
    frames = [(round(one.span.start, 3), str(one.value)) for one in hashes if one.span is not None]
    return Originality(algorithm=str(hashes[0].attributes.get("algorithm", "")), frames=frames)
