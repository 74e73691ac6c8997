"""The part of a report that names: people, places, brands, organisations and works."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mmu.report.schema_base import Model, Name, ReportAxis, Score, TimeRange

EntityKind = Literal["person", "place", "brand", "organisation", "work"]
EntityField = Literal["title", "topic", "screen", "speech", "face", "voice"]


class EntityMention(Model):
    """One place where the name stands, or the face or voice that bears it."""

    axis: ReportAxis = Field(description="where it was observed")
    where: EntityField = Field(description="which words bear the name, or `face` or `voice`")
    signal: str = Field(description="id of the signal it comes from (`signals`)")
    text: str = Field(description="the name as it stands there")
    at: tuple[int, int] | None = Field(None, description="first character and the one after the last")
    span: TimeRange | None = Field(None, description="[start, end] in seconds; null: no certain time")
    box: tuple[float, float, float, float] | None = Field(
        None, description="[x, y, w, h] in pixels of the upright source frame; null: no certain place"
    )
    weight: Score = Field(description="belief from this mention alone")
    source: str = Field(description="lexicon, or model and version, that knew the name")


class Entity(Model):
    """Somebody or something with a name of its own."""

    id: str = Field(description="kind, colon, key: `place:paris`; equal names have equal ids in all reports")
    kind: EntityKind = Field(description="what sort of thing bears the name")
    name: Name = Field(description="the name; the same twice where only one is known")
    score: Score = Field(description="belief from all mentions, 0 to 1")
    concept: str | None = Field(None, description="id of the concept that it is, where the graph has one")
    mentions: list[EntityMention] = Field(min_length=1, description="the surest first")
