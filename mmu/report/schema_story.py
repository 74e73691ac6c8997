"""The parts of the report that tell what happens when, and where axes disagree."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mmu.report.schema_base import Evidence, Facet, Model, Name, ReportAxis, Score


class EventFact(Model):
    """One concept that is believed of an event."""

    concept: str
    name: Name
    facet: Facet
    score: Score
    axis: ReportAxis = Field(description="the one that carried it most")
    signals: list[str] = Field(description="ids of the signals that carried it most")


class Event(Model):
    """What happens in one stretch of the video: a shot, or neighbours of which the same can be said."""

    start: float
    end: float
    shots: int = Field(description="shots that were joined; 0 without a picture")
    text: Name = Field(description="who does what where, what is seen, said, written and heard")
    facts: list[EventFact] = Field(default_factory=list)
    people: list[str] = Field(default_factory=list, description="ids of people seen")
    said: str = ""
    on_screen: list[str] = Field(default_factory=list, description="lines that appear")
    sounds: list[Name] = Field(default_factory=list, description="heard beside speech")
    signals: list[str] = Field(default_factory=list, description="ids of everything it rests on")


class ContradictionSide(Model):
    """One of two sides that disagree."""

    axes: list[ReportAxis]
    concepts: list[str]
    names: list[Name]
    evidence: list[Evidence] = Field(min_length=1)


class Contradiction(Model):
    """Two axes that strongly disagree, e.g. the title speaks of football and the pictures show cooking."""

    kind: Literal["title_content"]
    score: Score
    text: Name
    claimed: ContradictionSide
    found: ContradictionSide
