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

    zh: str = Field(description="in Chinese")
    en: str = Field(description="in English")


class EvidenceStep(Model):
    """One node on the way from a signal to a tag."""

    kind: Literal["signal", "label", "alias", "concept"] = Field(description="what the step is")
    id: str = Field(description="id of the signal or concept, `vocabulary:label`, or the alias")
    text: str = Field(description="the step in words")


class Evidence(Model):
    """One path that carried a tag. The weights of a tag's paths add up to its score."""

    axis: ReportAxis = Field(description="where it was observed")
    weight: float = Field(description="share of the tag's score that this path brought, 0 to 1")
    signal: str = Field(description="id of the signal it starts from")
    source: str = Field(description="model or method and version")
    path: list[EvidenceStep] = Field(description="from the signal, by a label or alias, to the concept")
    span: TimeRange | None = Field(None, description="[start, end] in seconds; null: the whole video")
    box: tuple[float, float, float, float] | None = Field(
        None,
        description="[x, y, w, h] in pixels of the upright source frame; null: the whole picture, or none",
    )
