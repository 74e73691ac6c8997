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
from mmu.report.schema_story import Contradiction as Contradiction
from mmu.report.schema_story import ContradictionSide as ContradictionSide
from mmu.report.schema_story import Event as Event
from mmu.report.schema_story import EventFact as EventFact

SCHEMA = "mmu.report/1"


class VideoStream(Model):
    """The picture stream that was analysed."""

    codec: str
    width: int = Field(description="display width in stored pixels, after rotation")
    height: int = Field(description="display height in stored pixels, after rotation")
    rotation: Literal[0, 90, 180, 270] = Field(
        0, description="clockwise degrees applied to turn the stored picture upright"
    )
    fps: float | None = Field(None, description="average frame rate")
    sample_aspect_ratio: str = "1:1"
    pixel_format: str = ""
    bit_depth: int = 8
    hdr: bool = False
    frames_decoded: int = 0


class AudioStream(Model):
    """The sound stream that was analysed."""

    codec: str
    sample_rate: int
    channels: int
    seconds: float = 0.0


class MediaFacts(Model):
    """What the file is, as found by decoding it and not only by its header."""

    uri: str
    bytes: int
    container: str
    still: bool = Field(False, description="a single still picture")
    duration: float = Field(description="end of the last decodable frame or sample, from the first")
    container_duration: float | None = None
    start: float = Field(0.0, description="first timestamp in the container's own time")
    video: VideoStream | None = None
    audio: AudioStream | None = None
    frames_sampled: int = 0
    notes: list[str] = Field(default_factory=list, description="what happened in decoding that is no error")

    @property
    def frame(self) -> tuple[int, int] | None:
        """Width and height of the picture in pixels; None without one."""
        return (self.video.width, self.video.height) if self.video else None


class Tag(Model):
    """One concept that the video shows, says or plays, with the evidence for it."""

    id: str
    name: Name
    facet: Facet
    score: Score
    spans: list[TimeRange] = Field(default_factory=list)
    evidence: list[Evidence] = Field(min_length=1)


class Category(Model):
    """What kind of video it is."""

    id: str
    name: Name
    score: Score
    alternatives: list[tuple[str, Score]] = Field(default_factory=list)
    evidence: list[str] = Field(default_factory=list, description="ids of the tags that led to it")


class Caption(Model):
    """What the video is in one sentence and in one paragraph, built from its tags and quotations."""

    text: Name
    paragraph: Name | None = None
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
    name: Name | None = None
    score: Score
    scores: dict[str, Score]
    axes: dict[ReportAxis, tuple[str, Score]] = Field(
        default_factory=dict, description="strongest emotion of each axis alone, with its score"
    )
    evidence: list[Evidence] = Field(default_factory=list)


class QualityPart(Model):
    """One measure of quality, 0 (bad) to 100 (good)."""

    name: str
    label: Name | None = Field(None, description="what a high score means, for people")
    score: float = Field(ge=0, le=100)
    raw: float | None = Field(None, description="the measure before scaling; its unit is in the signal")


class Quality(Model):
    """How well the video is made, 0 (bad) to 100 (good)."""

    overall: float = Field(ge=0, le=100)
    parts: list[QualityPart]


class TopicDecision(Model):
    """What became of one hashtag of the user, or a suggested one."""

    topic: str
    action: Literal["keep", "merge", "drop", "suggest"]
    canonical: str
    reason: str = Field(description="stable code, e.g. `supported`, `off_topic`, `traffic_bait`, `duplicate`")
    text: Name = Field(description="the reason as a sentence")
    score: Score
    concept: str | None = None


class ModerationHit(Model):
    """One rule of the policy that the video meets."""

    rule: str
    category: str
    name: Name
    severity: int = Field(ge=1, le=5)
    score: Score
    axis: ReportAxis
    text: str | None = None
    signal: str | None = None
    span: TimeRange | None = None
    box: tuple[float, float, float, float] | None = None
    shadow: bool = Field(False, description="of a rule that is being tried out: it does not count")


class Moderation(Model):
    """What a policy says of the video."""

    decision: Literal["pass", "review", "block"]
    would: Literal["pass", "review", "block"] | None = Field(
        None, description="what a policy in shadow mode would have decided"
    )
    policy: str
    version: str
    category: str | None = None
    priority: float = Field(0.0, ge=0)
    hits: list[ModerationHit] = Field(default_factory=list)
    unchecked: list[str] = Field(
        default_factory=list, description="stages that did not look, although there was something to look at"
    )
    shadows: list[Moderation] = Field(
        default_factory=list, description="what further policies, in shadow mode, say of the video"
    )


class Person(Model):
    """One identity in the video. Embeddings stay out unless asked for."""

    id: str
    name: str | None = Field(None, description="of the gallery's person whose face it is; None = unknown")
    name_score: Score | None = Field(None, description="cosine to that person's nearest face")
    seconds: float
    spans: list[TimeRange]
    age: float | None = None
    age_spread: float | None = None
    gender: Literal["female", "male"] | None = None
    gender_score: Score | None = None
    expression: str | None = None
    box: tuple[float, float, float, float] | None = Field(None, description="face at `best_time`")
    best_time: float | None = None
    signals: list[str] = Field(default_factory=list)
    embedding: list[float] | None = None


class TextLine(Model):
    """One line of text in the picture, joined over time."""

    start: float
    end: float
    text: str
    role: Literal["subtitle", "title", "overlay", "watermark", "scene"]
    score: Score | None = None
    box: tuple[float, float, float, float] | None = None
    signal: str


class Originality(Model):
    """Perceptual hashes of the frames in time, for copy detection."""

    algorithm: str
    frames: list[tuple[float, str]] = Field(default_factory=list)


class Report(Model):
    """Everything the brain says of one video."""

    schema_: Literal["mmu.report/1"] = Field("mmu.report/1", alias="schema")
    id: str = Field(description="SHA-256 of the file's bytes; empty when it could not be read")
    uri: str
    outcome: Outcome
    errors: list[ErrorItem] = Field(default_factory=list)
    title: str = ""
    user_topics: list[str] = Field(default_factory=list)
    media: MediaFacts | None = None
    tags: list[Tag] = Field(default_factory=list)
    category: Category | None = None
    caption: Caption | None = None
    emotion: Emotion | None = None
    entities: list[Entity] = Field(
        default_factory=list,
        description="people, places, brands, organisations and works by name, surest first",
    )
    events: list[Event] = Field(default_factory=list, description="what happens when, in order")
    contradictions: list[Contradiction] = Field(default_factory=list)
    quality: Quality | None = None
    topics: list[TopicDecision] = Field(default_factory=list)
    moderation: Moderation | None = None
    people: list[Person] = Field(default_factory=list)
    speakers: list[Speaker] = Field(default_factory=list)
    language: str | None = None
    transcript: list[TranscriptSegment] = Field(default_factory=list)
    on_screen_text: list[TextLine] = Field(default_factory=list)
    music: Music | None = None
    originality: Originality | None = None
    signals: list[dict[str, Any]] = Field(default_factory=list, description="every low-level signal")
    stages: list[StageOutcome] = Field(default_factory=list)
    models: dict[str, str] = Field(default_factory=dict, description="weights used: name -> SHA-256")
    profile: str = "cpu"
    pipeline: str = Field("", description="fingerprint of stages, options, weights and code version")

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    def to_json(self, *, indent: int | None = 2) -> str:
        """The report as JSON text (UTF-8, Chinese unescaped)."""
        return self.model_dump_json(indent=indent, by_alias=True)
