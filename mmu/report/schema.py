"""The report, `mmu.report/1`: what one video is, with the evidence for it.

Times are seconds from the first presented sample; boxes are
[x, y, w, h] in pixels of the source frame after rotation; scores are
probabilities in [0, 1]. The JSON Schema beside this file is generated from
these classes, and a test holds the two together.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from mmu.outcome import ErrorItem, Outcome, StageOutcome
from mmu.report.schema_base import Evidence as Evidence
from mmu.report.schema_base import EvidenceStep as EvidenceStep
from mmu.report.schema_base import Facet as Facet
from mmu.report.schema_base import Model
from mmu.report.schema_base import Name as Name
from mmu.report.schema_base import ReportAxis as ReportAxis
from mmu.report.schema_base import Score as Score
from mmu.report.schema_base import TimeRange as TimeRange
from mmu.report.schema_entities import Entity as Entity
from mmu.report.schema_entities import EntityMention as EntityMention
from mmu.report.schema_heard import Music as Music
from mmu.report.schema_heard import Song as Song
from mmu.report.schema_heard import Speaker as Speaker
from mmu.report.schema_heard import TranscriptSegment as TranscriptSegment
from mmu.report.schema_judged import Moderation as Moderation
from mmu.report.schema_judged import ModerationHit as ModerationHit
from mmu.report.schema_judged import Quality as Quality
from mmu.report.schema_judged import QualityPart as QualityPart
from mmu.report.schema_judged import TopicDecision as TopicDecision
from mmu.report.schema_media import AudioStream as AudioStream
from mmu.report.schema_media import MediaFacts as MediaFacts
from mmu.report.schema_media import Originality as Originality
from mmu.report.schema_media import TextLine as TextLine
from mmu.report.schema_media import VideoStream as VideoStream
from mmu.report.schema_story import Contradiction as Contradiction
from mmu.report.schema_story import ContradictionSide as ContradictionSide
from mmu.report.schema_story import Event as Event
from mmu.report.schema_story import EventFact as EventFact

SCHEMA = "mmu.report/1"


class Tag(Model):
    """One concept that the video shows, says or plays, with the evidence for it."""

    id: str = Field(description="id of the concept in the knowledge graph")
    name: Name = Field(description="name of the concept")
    facet: Facet = Field(description="what sort of concept it is")
    score: Score = Field(description="belief that it holds for the video, 0 to 1")
    spans: list[TimeRange] = Field(
        default_factory=list,
        description="[start, end] in seconds where it is seen or heard; empty: no certain time",
    )
    evidence: list[Evidence] = Field(min_length=1, description="the paths that led to it, at least one")


class Category(Model):
    """What kind of video it is."""

    id: str = Field(description="id of the concept in the knowledge graph")
    name: Name = Field(description="name of the category")
    score: Score = Field(description="belief in it, 0 to 1")
    alternatives: list[tuple[str, Score]] = Field(
        default_factory=list, description="next best categories as [id, score 0 to 1], best first"
    )
    evidence: list[str] = Field(default_factory=list, description="ids of the tags that led to it")


class Caption(Model):
    """What the video is in one sentence and in one paragraph, built from its tags and quotations."""

    text: Name = Field(description="one sentence")
    paragraph: Name | None = Field(
        None, description="several sentences that say more; null: nothing more to say"
    )
    titles: list[Name] = Field(default_factory=list, description="suggested titles, most telling first")
    tags: list[str] = Field(description="ids of the tags that the words come from")
    signals: list[str] = Field(default_factory=list, description="ids of quoted or counted signals")
    source: str = Field("evidence", description="`evidence`, or `llm:NAME` for a checked draft of a model")
    unsupported: list[str] = Field(
        default_factory=list,
        description="words of a model's draft that nothing supports; they were taken out",
    )


class Emotion(Model):
    """The emotion that the video carries."""

    label: str = Field(description="id of the concept")
    name: Name | None = Field(None, description="name of the emotion")
    score: Score = Field(description="belief in it, 0 to 1")
    scores: dict[str, Score] = Field(description="likeliest emotions: id of the concept -> belief, 0 to 1")
    axes: dict[ReportAxis, tuple[str, Score]] = Field(
        default_factory=dict, description="strongest emotion of each axis alone, with its score"
    )
    evidence: list[Evidence] = Field(default_factory=list, description="the paths that led to it")


class Person(Model):
    """One identity in the video. Embeddings stay out unless asked for."""

    id: str = Field(description="identity within this video")
    name: str | None = Field(None, description="of the gallery's person whose face it is; None = unknown")
    name_score: Score | None = Field(None, description="cosine to that person's nearest face, 0 to 1")
    seconds: float = Field(description="time on screen, seconds")
    spans: list[TimeRange] = Field(description="[start, end] in seconds in which the face is followed")
    age: float | None = Field(
        None, description="mean estimate over the person's tracks, years; null: not estimated"
    )
    age_spread: float | None = Field(None, description="standard deviation of the estimate, years")
    gender: Literal["female", "male"] | None = Field(
        None, description="as the face looks; null: not sure enough"
    )
    gender_score: Score | None = Field(None, description="mean confidence in the likelier gender, 0 to 1")
    expression: str | None = Field(None, description="facial expression shown most, e.g. `happy`, `neutral`")
    box: tuple[float, float, float, float] | None = Field(
        None, description="face at `best_time`, [x, y, w, h] in pixels"
    )
    best_time: float | None = Field(None, description="moment of the best view of the face, seconds")
    signals: list[str] = Field(default_factory=list, description="ids of the signals it was made from")
    embedding: list[float] | None = Field(
        None, description="identity embedding of the face, unit length; null unless asked for"
    )


class Report(Model):
    """Everything the brain says of one video."""

    schema_: Literal["mmu.report/1"] = Field(
        "mmu.report/1", alias="schema", description="name and version of this format"
    )
    id: str = Field(description="SHA-256 of the file's bytes; empty when it could not be read")
    uri: str = Field(description="path or URL of the file as it was given")
    outcome: Outcome = Field(description="how the analysis ended: ok, partial, skipped or failed")
    errors: list[ErrorItem] = Field(
        default_factory=list, description="what went wrong; empty when the outcome is `ok`"
    )
    title: str = Field("", description="title given with the video; empty: none")
    user_topics: list[str] = Field(
        default_factory=list, description="hashtags given with the video, as given"
    )
    media: MediaFacts | None = Field(None, description="facts of the file; null when it could not be opened")
    tags: list[Tag] = Field(default_factory=list, description="concepts of the video, highest score first")
    category: Category | None = Field(
        None, description="what kind of video it is; null: nothing was likely enough"
    )
    caption: Caption | None = Field(None, description="the video in words; null when there is nothing to say")
    emotion: Emotion | None = Field(
        None, description="the emotion it carries; null when no axis speaks of any"
    )
    entities: list[Entity] = Field(
        default_factory=list,
        description="people, places, brands, organisations and works by name, surest first",
    )
    events: list[Event] = Field(default_factory=list, description="what happens when, in order")
    contradictions: list[Contradiction] = Field(
        default_factory=list, description="where the title and the content disagree"
    )
    quality: Quality | None = Field(None, description="how well it is made; null when nothing was measured")
    topics: list[TopicDecision] = Field(
        default_factory=list, description="what became of each given hashtag, and suggested ones"
    )
    moderation: Moderation | None = Field(
        None, description="what the policy says; null when no policy was applied"
    )
    people: list[Person] = Field(
        default_factory=list, description="identities by face, longest on screen first"
    )
    speakers: list[Speaker] = Field(default_factory=list, description="voices, longest heard first")
    language: str | None = Field(
        None, description="ISO 639-1 code of the main spoken language; null: no speech was recognised"
    )
    transcript: list[TranscriptSegment] = Field(
        default_factory=list, description="what is said, in order of time"
    )
    on_screen_text: list[TextLine] = Field(
        default_factory=list, description="lines of text read in the picture"
    )
    music: Music | None = Field(None, description="what is known of the music; null when nobody listened")
    originality: Originality | None = Field(None, description="perceptual hashes; null without any")
    signals: list[dict[str, Any]] = Field(default_factory=list, description="every low-level signal")
    stages: list[StageOutcome] = Field(default_factory=list, description="what each stage did, with its time")
    models: dict[str, str] = Field(default_factory=dict, description="weights used: name -> SHA-256")
    profile: str = Field("cpu", description="which networks were used, e.g. `cpu` or `gpu`")
    pipeline: str = Field("", description="fingerprint of stages, options, weights and code version")

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    def to_json(self, *, indent: int | None = 2) -> str:
        """The report as JSON text (UTF-8, Chinese unescaped)."""
        return self.model_dump_json(indent=indent, by_alias=True)
