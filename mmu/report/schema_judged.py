"""The parts of a report that judge: quality, topics, moderation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mmu.report.schema_base import Model, Name, ReportAxis, Score, TimeRange


class QualityPart(Model):
    """One measure of quality, 0 (bad) to 100 (good)."""

    name: str = Field(description="name of the measure, e.g. `sharpness`")
    label: Name | None = Field(None, description="what a high score means, for people")
    score: float = Field(ge=0, le=100, description="0 (bad) to 100 (good)")
    raw: float | None = Field(None, description="the measure before scaling; its unit is in the signal")


class Quality(Model):
    """How well the video is made, 0 (bad) to 100 (good)."""

    overall: float = Field(ge=0, le=100, description="weighted mean of the parts, 0 (bad) to 100 (good)")
    parts: list[QualityPart] = Field(description="the measures it is made of")


class TopicDecision(Model):
    """What became of one hashtag of the user, or a suggested one."""

    topic: str = Field(description="the hashtag as given, or the suggested one")
    action: Literal["keep", "merge", "drop", "suggest"] = Field(
        description="kept, merged into `canonical`, dropped, or suggested"
    )
    canonical: str = Field(description="the form to use, without #")
    reason: str = Field(description="stable code, e.g. `supported`, `off_topic`, `traffic_bait`, `duplicate`")
    text: Name = Field(description="the reason as a sentence")
    score: Score = Field(description="confidence in the action, 0 to 1")
    concept: str | None = Field(None, description="id of the concept that it names; null: none is known")


class ModerationHit(Model):
    """One rule of the policy that the video meets."""

    rule: str = Field(description="id of the rule in the policy")
    category: str = Field(description="id of the policy's category")
    name: Name = Field(description="name of the category")
    severity: int = Field(ge=1, le=5, description="of the category, 1 (mild) to 5 (gravest)")
    score: Score = Field(description="confidence that the rule is met, 0 to 1")
    axis: ReportAxis = Field(description="where it was met")
    text: str | None = Field(None, description="the words that met it; null: no words")
    signal: str | None = Field(
        None, description="id of the signal that met it; null: none, e.g. words of the title"
    )
    span: TimeRange | None = Field(None, description="[start, end] in seconds; null: no certain time")
    box: tuple[float, float, float, float] | None = Field(
        None, description="[x, y, w, h] in pixels of the upright source frame; null: no certain place"
    )
    shadow: bool = Field(False, description="of a rule that is being tried out: it does not count")


class Moderation(Model):
    """What a policy says of the video."""

    decision: Literal["pass", "review", "block"] = Field(
        description="what to do with the video; always `pass` in shadow mode"
    )
    would: Literal["pass", "review", "block"] | None = Field(
        None, description="what a policy in shadow mode would have decided"
    )
    policy: str = Field(description="name of the policy")
    version: str = Field(description="version of the policy")
    category: str | None = Field(None, description="id of the category that decided; null when nothing did")
    priority: float = Field(
        0.0,
        ge=0,
        description="how soon a person should look: severity × confidence, 0 to 5; 0 in shadow mode",
    )
    hits: list[ModerationHit] = Field(default_factory=list, description="rules that are met, gravest first")
    unchecked: list[str] = Field(
        default_factory=list, description="stages that did not look, although there was something to look at"
    )
    shadows: list[Moderation] = Field(
        default_factory=list, description="what further policies, in shadow mode, say of the video"
    )
