"""The part of a report that names: people, places, brands, organisations and works."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mmu.report.schema_base import Model, Name, ReportAxis, Score, TimeRange

EntityKind = Literal["person", "place", "brand", "organisation", "work"]
EntityField = Literal["title", "topic", "screen", "speech", "face", "voice"]


class EntityMention(Model):
    """One place where the name stands, or the face or voice that bears it."""

    axis: ReportAxis
    where: EntityField
    signal: str
    text: str = Field(description="the name as it stands there")
    at: tuple[int, int] | None = Field(None, description="first character and the one after the last")
    span: TimeRange | None = None
    box: tuple[float, float, float, float] | None = None
    weight: Score = Field(description="belief from this mention alone")
    source: str = Field(description="lexicon, or model and version, that knew the name")


class Entity(Model):
    """Somebody or something with a name of its own."""

    id: str = Field(description="kind, colon, key: `place:paris`; equal names have equal ids in all reports")
    kind: EntityKind
    name: Name
    score: Score
    concept: str | None = Field(None, description="id of the concept that it is, where the graph has one")
    mentions: list[EntityMention] = Field(min_length=1, description="the surest first")
