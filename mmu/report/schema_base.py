"""What all parts of the report are made of: names in two languages, scores, evidence."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Score = Annotated[float, Field(ge=0, le=1)]
TimeRange = tuple[float, float]
Facet = Literal["element", "scene", "person", "action", "language", "emotion", "music", "style", "topic"]
ReportAxis = Literal["face", "image", "text", "speech", "audio", "user"]


class Model(BaseModel):
    """A part of the report; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Name(Model):
    """A text in the two languages of the platform."""

    zh: str
    en: str


class EvidenceStep(Model):
    """One node on the way from a signal to a tag."""

    kind: Literal["signal", "label", "alias", "concept"]
    id: str
    text: str


class Evidence(Model):
    """One path that carried a tag. The weights of a tag's paths add up to its score."""

    axis: ReportAxis
    weight: float
    signal: str = Field(description="id of the signal it starts from")
    source: str = Field(description="model or method and version")
    path: list[EvidenceStep]
    span: TimeRange | None = None
    box: tuple[float, float, float, float] | None = None
